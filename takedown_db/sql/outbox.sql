-- name: take_invalidations
-- Waits for rows, numbers them and answers them, and then one row on the outbox as a whole.
CALL take_invalidations_v2(%(known)s, %(identity)s, %(server)s, %(batches)s, %(after)s, %(wait)s, %(step)s)

-- name: outbox_head
-- The last batch number, the mark of pruning, whether committed rows still wait for a number, and whether the server has
-- become read-only: a primary that was demoted under a connection that stays open, and sees no new bans. read_only is a
-- number in MySQL and before MariaDB 12.0, and a word since.
SELECT
    last_batch,
    pruned_batch,
    EXISTS (SELECT 1 FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL),
    CAST(@@GLOBAL.read_only AS CHAR) NOT IN ('0', 'OFF')
FROM numbering
WHERE one = 1

-- name: outbox_rows
-- The rows of the batches after %(after)s up to %(last)s.
SELECT id, batch, scope, subject, cause
FROM invalidations FORCE INDEX (batch)
WHERE batch > %(after)s AND batch <= %(last)s
ORDER BY batch, id

-- name: batch_sizes
-- How many rows each batch after %(after)s has, and its identity.
SELECT batch, size, identity FROM batches WHERE batch > %(after)s ORDER BY batch LIMIT 2000

-- name: pruning_mark
-- The mark below which the outbox may no longer be whole, and the last batch number given.
SELECT pruned_batch, last_batch FROM numbering WHERE one = 1

-- name: last_batch
-- The last batch number that this database has given.
SELECT last_batch FROM numbering WHERE one = 1

-- name: batch_identity
-- The identity of a batch; of one without a row, such as batch 0, that of the schema. No row: no such batch was given.
SELECT COALESCE(batches.identity, numbering.identity)
FROM numbering
LEFT JOIN batches ON batches.batch = %(batch)s
WHERE numbering.one = 1 AND numbering.last_batch >= %(batch)s

-- name: known_rows
-- The rows of the outbox that have one of the ids in the JSON array %(ids)s.
SELECT STRAIGHT_JOIN invalidations.id, invalidations.scope, invalidations.subject
FROM JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS asked
JOIN invalidations ON invalidations.id = asked.id

-- name: unnumbered_rows
-- The oldest changes that are committed and have no number.
SELECT id FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL ORDER BY id LIMIT 1000

-- name: numbering_lock
-- Error 1205 says that another transaction holds the counter, and with it all numbering.
SELECT last_batch FROM numbering WHERE one = 1 LOCK IN SHARE MODE

-- name: outbox_state
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

-- name: edge_delays
-- For each enabled edge that has not acknowledged everything: the seconds since the next batch was numbered. Without a row
-- for an edge whose next batch was pruned: delay_after.sql.
SELECT edges.name, TIMESTAMPDIFF(MICROSECOND, batches.numbered_at, UTC_TIMESTAMP(6)) / 1e6
FROM edges STRAIGHT_JOIN batches ON batches.batch = edges.acknowledged + 1
WHERE edges.enabled

-- name: batch_age
-- The seconds since the first batch after %(after)s was numbered. With the number in its text this is one step of the
-- index; as a part of delays.sql it would read the whole table for each edge.
SELECT TIMESTAMPDIFF(MICROSECOND, numbered_at, UTC_TIMESTAMP(6)) / 1e6
FROM batches
WHERE batch > %(after)s
ORDER BY batch
LIMIT 1

-- name: standing_triggers
-- Reads the triggers on our tables, as they stand.
CALL standing_triggers_v2()

-- name: resend_image
-- Sends a purge again. Bans nothing.
INSERT INTO invalidations (scope, subject, cause) VALUES ('image', %(code)s, 'resend')

-- name: prune_outbox
-- Takes out what is past its retention, a chunk a call; answers size and more.
CALL prune_outbox_v2(%(days)s, %(receipt_days)s)
