SELECT last_batch, numbered_at, pruned_batch, (SELECT COUNT(*) FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL)
FROM numbering
WHERE one = 1
