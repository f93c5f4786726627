-- The first flush that each edge has acknowledged after a time.
SELECT edge, MIN(acknowledged_at)
FROM receipts
WHERE method = 'flush' AND acknowledged_at > %(since)s
GROUP BY edge
