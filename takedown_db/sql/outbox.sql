-- Statements of the purger on the outbox: number, read, measure and prune its rows.

-- name: take_invalidations
-- Waits up to %(wait)s seconds for new rows, numbers them and reads them; then reads one row on the outbox as a whole.
-- Does both up to %(chunks)s times, while more rows wait.
CALL take_invalidations(%(known)s, %(identity)s, %(server)s, %(batches)s, %(after)s, %(wait)s, %(step)s, %(chunks)s)

-- name: outbox_head
-- Reads the last batch number, the last pruned batch, whether committed rows wait for a number, and whether the server
-- has become read-only: a primary that was demoted under an open connection gets no new bans. read_only is a number in
-- MySQL and before MariaDB 12.0, and a word since.
SELECT
    last_batch,
    pruned_batch,
    EXISTS (SELECT 1 FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL) AS pending,
    CAST(@@GLOBAL.read_only AS CHAR) NOT IN ('0', 'OFF') AS read_only
FROM numbering
WHERE one = 1

-- name: outbox_rows
-- Reads the rows of the batches after %(after)s up to %(last)s.
SELECT id, batch, scope, subject, cause
FROM invalidations FORCE INDEX (batch)
WHERE batch > %(after)s AND batch <= %(last)s
ORDER BY batch, id

-- name: batch_sizes
-- Reads the number of rows and the identity of each batch after %(after)s, 2,000 batches at most.
SELECT batch, size, identity FROM batches WHERE batch > %(after)s ORDER BY batch LIMIT 2000

-- name: pruning_mark
-- Reads the last batch that may have lost rows by pruning, and the last batch number.
SELECT pruned_batch, last_batch FROM numbering WHERE one = 1

-- name: last_batch
-- Reads the last batch number.
SELECT last_batch FROM numbering WHERE one = 1

-- name: batch_identity
-- Reads the identity of a batch; for one without a row, such as batch 0, that of the schema. No row: no such batch was
-- numbered.
SELECT COALESCE(batches.identity, numbering.identity) AS identity
FROM numbering
LEFT JOIN batches ON batches.batch = %(batch)s
WHERE numbering.one = 1 AND numbering.last_batch >= %(batch)s

-- name: known_rows
-- Reads those rows of the outbox whose ids are in the JSON array %(ids)s.
SELECT STRAIGHT_JOIN invalidations.id, invalidations.scope, invalidations.subject
FROM JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS asked
JOIN invalidations ON invalidations.id = asked.id

-- name: unnumbered_rows
-- Reads the ids of committed rows that have no number yet, the oldest 1,000.
SELECT id FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL ORDER BY id LIMIT 1000

-- name: numbering_lock
-- Waits for the lock of the counter. Error 1205 means that another transaction holds it, and with it all numbering.
SELECT last_batch FROM numbering WHERE one = 1 LOCK IN SHARE MODE

-- name: outbox_state
-- Reads the last batch number and its time (UTC), the server's clock, the last pruned batch, the count of committed rows without a number,
-- and the count of malformed rows that were taken out within a day.
SELECT
    last_batch,
    numbered_at,
    UTC_TIMESTAMP(6) AS read_at,
    pruned_batch,
    (SELECT COUNT(*) FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL) AS pending,
    (SELECT COUNT(*) FROM unnumberable WHERE found_at > UTC_TIMESTAMP(6) - INTERVAL 1 DAY) AS malformed
FROM numbering
WHERE one = 1

-- name: edge_delays
-- Reads, for each enabled edge that has not acknowledged everything, the seconds since its next batch was numbered. No
-- row for an edge whose next batch was pruned: see batch_age.
SELECT edges.name,
    TIMESTAMPDIFF(MICROSECOND, COALESCE(batches.redated_at, batches.numbered_at), UTC_TIMESTAMP(6)) / 1e6 AS seconds
FROM edges STRAIGHT_JOIN batches ON batches.batch = edges.acknowledged + 1
WHERE edges.enabled

-- name: batch_age
-- Reads the seconds since the first batch after %(after)s was numbered. With the number in its text this is one access
-- to the index; as a part of edge_delays it would read the whole table for each edge.
SELECT TIMESTAMPDIFF(MICROSECOND, COALESCE(redated_at, numbered_at), UTC_TIMESTAMP(6)) / 1e6 AS seconds
FROM batches
WHERE batch > %(after)s
ORDER BY batch
LIMIT 1

-- name: present_triggers
-- Reads the triggers on the tables of this database, a row each.
CALL present_triggers()

-- name: resend_image
-- Sends the purge of a code again. Bans nothing.
INSERT INTO invalidations (scope, subject, cause) VALUES ('image', %(code)s, 'resend')

-- name: prune_outbox
-- Deletes rows past their retention (days), about 5,000 of the outbox a call. Returns how many, and whether to call
-- again.
CALL prune_outbox(%(days)s, %(receipt_days)s)

-- name: redate_changes
-- Dates the changes anew that were numbered with a date of the future. Returns how many subjects these were.
CALL redate_changes()
