-- How far pruning has come: what was numbered before is gone, of the outbox and of the receipts. UTC.
SELECT outbox_until, receipts_until, moved_at FROM retention WHERE one = 1
