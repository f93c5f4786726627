-- For each enabled edge that has not acknowledged everything: the seconds since the first of the rest was numbered.
SELECT edges.name, TIMESTAMPDIFF(MICROSECOND, batches.numbered_at, UTC_TIMESTAMP(6)) / 1e6
FROM edges STRAIGHT_JOIN batches
    ON batches.batch = (SELECT MIN(batch) FROM batches AS later WHERE later.batch > edges.acknowledged)
WHERE edges.enabled
