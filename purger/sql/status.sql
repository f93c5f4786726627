-- How far numbering and pruning have come, how many committed changes wait for a number, and the malformed rows that were
-- taken out within a day.
SELECT
    last_batch,
    numbered_at,
    pruned_batch,
    (SELECT COUNT(*) FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL),
    (SELECT COUNT(*) FROM unnumberable WHERE found_at > UTC_TIMESTAMP(6) - INTERVAL 1 DAY)
FROM numbering
WHERE one = 1
