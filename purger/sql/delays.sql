-- For each enabled edge that has not acknowledged everything: the seconds since the next batch was numbered. Without a row
-- for an edge whose next batch was pruned: delay_after.sql.
SELECT edges.name, TIMESTAMPDIFF(MICROSECOND, batches.numbered_at, UTC_TIMESTAMP(6)) / 1e6
FROM edges STRAIGHT_JOIN batches ON batches.batch = edges.acknowledged + 1
WHERE edges.enabled
