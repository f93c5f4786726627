-- The last batch number, the mark of pruning, and whether committed rows still wait for a number.
SELECT last_batch, pruned_batch, EXISTS (SELECT 1 FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL)
FROM numbering
WHERE one = 1
