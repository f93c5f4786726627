-- The first writer wins: what was acknowledged once stays as it was.
INSERT INTO receipts (edge, batch, first_batch, method, instance, acknowledged_at)
VALUES (%(edge)s, %(last)s, %(first)s, %(method)s, %(instance)s, %(at)s)
ON DUPLICATE KEY UPDATE edge = VALUES(edge)
