-- The seconds since the first batch after %(after)s was numbered. With the number in its text this is one step of the
-- index; as a part of delays.sql it would read the whole table for each edge.
SELECT TIMESTAMPDIFF(MICROSECOND, numbered_at, UTC_TIMESTAMP(6)) / 1e6
FROM batches
WHERE batch > %(after)s
ORDER BY batch
LIMIT 1
