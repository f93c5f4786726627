-- Statements by which `purger audit --log` compares the database with the signed log, a chunk at a time.

-- name: audit_log_state
-- Reads the end of the log.
SELECT size, begun FROM log_state WHERE one = 1

-- name: audit_log_keys
-- Reads the notes by which keys followed each other, the oldest first.
SELECT id, note FROM log_keys ORDER BY id

-- name: audit_log_reach
-- Reads the first batch of the log, how far log and pruning have come, and the first leaf. Always one row.
SELECT
    (SELECT source FROM log_leaves FORCE INDEX (source) WHERE kind = 'batch' ORDER BY source LIMIT 1) AS first_batch,
    COALESCE((SELECT MAX(source) FROM log_leaves WHERE kind = 'batch'), log_state.begun) AS last_batch,
    (SELECT MAX(source) FROM log_leaves WHERE kind = 'settled') AS event, retention.outbox_batch, retention.receipts_batch,
    (SELECT content FROM log_leaves WHERE leaf = 0) AS first_leaf
FROM (SELECT 1 AS one) AS always
LEFT JOIN log_state ON log_state.one = always.one
LEFT JOIN retention ON retention.one = always.one

-- name: audit_log_leaves
-- Reads the leaves from %(first)s on, before %(end)s, in their order.
SELECT leaf, hash, kind, source, content, openings
FROM log_leaves
WHERE leaf >= %(first)s AND leaf < %(end)s
ORDER BY leaf
LIMIT %(limit)s

-- name: audit_log_events
-- Reads the batches of the acts of moderation that the leaves from %(first)s on, before %(end)s, name.
SELECT leaf, batch FROM log_events WHERE leaf >= %(first)s AND leaf < %(end)s

-- name: audit_log_erased
-- Reads the places of the leaves from %(first)s to %(last)s whose erasure is in the log.
SELECT source FROM log_leaves FORCE INDEX (source)
WHERE kind = 'erased' AND source BETWEEN %(first)s AND %(last)s

-- name: audit_log_pruned
-- Reads the place up to which contents were pruned, says the log.
SELECT MAX(source) AS pruned FROM log_leaves WHERE kind = 'pruned'

-- name: audit_log_waiting_removals
-- Reads the entries that wait for their place and record an erasure or a pruning.
SELECT content FROM log_entries
WHERE removal

-- name: audit_log_end
-- Reads how many leaves and signed states the log has by log_state, the number of places up to the last leaf, and how many
-- signed states there are.
SELECT log_state.size, (SELECT MAX(leaf) + 1 FROM log_leaves) AS places,
    log_state.checkpoints, (SELECT COUNT(*) FROM log_checkpoints) AS states
FROM log_state
WHERE one = 1

-- name: audit_log_waiting
-- Reads the entries that wait for their place after the id %(after)s, in their order.
SELECT id, content, openings FROM log_entries WHERE id > %(after)s ORDER BY id LIMIT %(limit)s

-- name: audit_log_nodes
-- Reads the nodes of one level.
SELECT level, position, hash
FROM log_nodes
WHERE level = %(level)s AND position BETWEEN %(first)s AND %(last)s

-- name: audit_log_strange_nodes
-- Reads nodes that no log of %(size)s leaves has, 100 at most.
SELECT level, position
FROM log_nodes
WHERE level = 0 OR level > 63 OR level % 4 <> 0 OR position >= (%(size)s >> level)
LIMIT 100

-- name: audit_log_checkpoints
-- Reads the signed states of more than %(after)s leaves, up to %(last)s.
SELECT size, note FROM log_checkpoints WHERE size > %(after)s AND size <= %(last)s ORDER BY size LIMIT %(limit)s

-- name: audit_log_sources
-- Reads the leaves of one kind, by the numbers after %(after)s up to %(last)s, in the order of the log.
SELECT leaf, hash, kind, source, content, openings
FROM log_leaves FORCE INDEX (source)
WHERE kind = %(kind)s AND source > %(after)s AND source <= %(last)s
ORDER BY leaf

-- name: audit_next_batch
-- Reads the next batch after %(after)s of which there is a leaf, a row, or a row of the outbox; each may be NULL.
SELECT
    (SELECT source FROM log_leaves FORCE INDEX (source)
        WHERE kind = 'batch' AND source > %(after)s ORDER BY source LIMIT 1) AS of_leaf,
    (SELECT batch FROM batches WHERE batch > %(after)s ORDER BY batch LIMIT 1) AS of_row,
    (SELECT batch FROM invalidations FORCE INDEX (batch) WHERE batch > %(after)s ORDER BY batch LIMIT 1) AS of_purge

-- name: audit_batches
-- Reads the batches after %(after)s up to %(last)s, the times in UTC.
SELECT batch, identity, numbered_at, size FROM batches WHERE batch > %(after)s AND batch <= %(last)s

-- name: audit_batches_to_come
-- Reads the batches of these beyond the last number that was given.
SELECT batch FROM batches JOIN numbering ON batches.batch > numbering.last_batch
WHERE batches.batch > %(after)s AND batches.batch <= %(last)s

-- name: audit_batch_sizes
-- Reads how many rows of the outbox the batches after %(after)s up to %(last)s have.
SELECT batch, COUNT(*) AS size
FROM invalidations FORCE INDEX (batch)
WHERE batch > %(after)s AND batch <= %(last)s
GROUP BY batch

-- name: audit_purges_of_batches
-- Reads the rows of the outbox of the batches after %(after)s up to %(last)s, by batch and id, the times in UTC.
SELECT batch, id, scope, subject, cause, ban_id, written_at
FROM invalidations FORCE INDEX (batch)
WHERE batch > %(after)s AND batch <= %(last)s
ORDER BY batch, id

-- name: audit_purges_without_acts
-- Reads the rows of the outbox of the batches after %(after)s up to %(last)s that no act of moderation caused. A row that
-- stands for a malformed one has none either.
SELECT invalidations.id
FROM invalidations FORCE INDEX (batch)
WHERE invalidations.batch > %(after)s AND invalidations.batch <= %(last)s
    AND NOT EXISTS (SELECT 1 FROM moderation_log WHERE moderation_log.invalidation = invalidations.id)
    AND NOT EXISTS (
        SELECT 1 FROM unnumberable
        WHERE unnumberable.ban_id = invalidations.ban_id AND unnumberable.cause = invalidations.cause
    )

-- name: audit_next_event
-- Reads the next id of moderation_log after %(after)s of which there is a leaf or a row; each may be NULL.
SELECT
    (SELECT source FROM log_leaves FORCE INDEX (source)
        WHERE kind = 'event' AND source > %(after)s ORDER BY source LIMIT 1) AS of_leaf,
    (SELECT id FROM moderation_log WHERE id > %(after)s ORDER BY id LIMIT 1) AS of_row

-- name: audit_events
-- Reads the acts of moderation with the ids after %(after)s up to %(last)s, the times in UTC.
SELECT id, action, ban_id, scope, subject, owner, reason, banned_by, detail, invalidation, account, logged_at, banned_at,
    lifted_at, lifted_by, lift_reason
FROM moderation_log
WHERE id > %(after)s AND id <= %(last)s

-- name: audit_purges_of_events
-- Reads the rows of the outbox that these acts have caused.
SELECT invalidations.id, invalidations.batch, invalidations.scope, invalidations.subject, invalidations.cause,
    invalidations.ban_id
FROM moderation_log STRAIGHT_JOIN invalidations ON invalidations.id = moderation_log.invalidation
WHERE moderation_log.id > %(after)s AND moderation_log.id <= %(last)s

-- name: audit_malformed_purges
-- Reads which of these rows of the outbox were malformed, and taken out.
SELECT unnumberable.id
FROM moderation_log STRAIGHT_JOIN unnumberable ON unnumberable.id = moderation_log.invalidation
WHERE moderation_log.id > %(after)s AND moderation_log.id <= %(last)s

-- name: audit_standing_events
-- Reads the ids of those of these acts that made a ban which stands now: their leaves are never pruned.
SELECT acts.id
FROM moderation_log AS acts
STRAIGHT_JOIN bans ON bans.id = acts.ban_id AND bans.lifted_at IS NULL
WHERE acts.id > %(after)s AND acts.id <= %(last)s AND acts.action = 'ban'
    AND NOT EXISTS (
        SELECT 1 FROM moderation_log AS later FORCE INDEX (ban)
        WHERE later.ban_id = acts.ban_id AND later.id > acts.id AND later.action IN ('ban', 'lift', 'unban')
    )

-- name: audit_vanished_bans
-- Reads the bans of these acts that have no row, although the last act on them was no deletion.
SELECT DISTINCT acts.ban_id
FROM moderation_log AS acts
WHERE acts.id > %(after)s AND acts.id <= %(last)s AND acts.ban_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM bans WHERE bans.id = acts.ban_id)
    AND (
        SELECT latest.action FROM moderation_log AS latest FORCE INDEX (ban)
        WHERE latest.ban_id = acts.ban_id ORDER BY latest.id DESC LIMIT 1
    ) <> 'unban'

-- name: audit_bans
-- Reads the bans after the id %(after)s, each with the latest act on it. Times are UTC.
SELECT page.id, page.scope, page.subject, page.reason, page.banned_by, page.banned_at, page.lifted_at,
    page.lifted_by, page.lift_reason, latest.id AS act, latest.action AS act_action, latest.scope AS act_scope, latest.subject AS act_subject,
    latest.reason AS act_reason, latest.banned_by AS act_banned_by, latest.banned_at AS act_banned_at,
    latest.lifted_at AS act_lifted_at, latest.lifted_by AS act_lifted_by, latest.lift_reason AS act_lift_reason
FROM (
    SELECT bans.id, bans.scope, bans.subject, bans.reason, bans.banned_by, bans.banned_at, bans.lifted_at,
        bans.lifted_by, bans.lift_reason,
        (SELECT MAX(log.id) FROM moderation_log AS log FORCE INDEX (ban) WHERE log.ban_id = bans.id) AS latest_act
    FROM bans
    WHERE bans.id > %(after)s
    ORDER BY bans.id
    LIMIT %(limit)s
) AS page
LEFT JOIN moderation_log AS latest ON latest.id = page.latest_act
ORDER BY page.id

-- name: audit_receipt_edges
-- Reads the names of all edges that have receipts.
SELECT DISTINCT edge FROM receipts

-- name: audit_probe_edges
-- Reads the names of all edges that have probe results.
SELECT DISTINCT edge FROM sightings

-- name: audit_next_acknowledged
-- Reads the next batch after %(after)s up to which one of %(edges)s, a JSON array, has acknowledged, by a leaf and by a
-- row; each may be NULL.
SELECT
    (SELECT source FROM log_leaves FORCE INDEX (source)
        WHERE kind = 'acknowledged' AND source > %(after)s ORDER BY source LIMIT 1) AS of_leaf,
    (
        SELECT MIN((SELECT MIN(receipts.batch) FROM receipts
            WHERE receipts.edge = known.edge AND receipts.batch > %(after)s))
        FROM JSON_TABLE(%(edges)s, '$[*]' COLUMNS (
            edge VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
        )) AS known
    ) AS of_row

-- name: audit_receipts
-- Reads the receipts of %(edges)s, a JSON array, up to the batches after %(after)s, to %(last)s, the times in UTC.
SELECT receipts.edge, receipts.batch, receipts.first_batch, receipts.method, receipts.instance, receipts.acknowledged_at
FROM JSON_TABLE(%(edges)s, '$[*]' COLUMNS (
    edge VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS known
STRAIGHT_JOIN receipts FORCE INDEX (PRIMARY)
    ON receipts.edge = known.edge AND receipts.batch > %(after)s AND receipts.batch <= %(last)s

-- name: audit_kept_ranges
-- Chooses of ranges of batches, pairs in the JSON array %(ranges)s, those of which a batch is there yet.
SELECT asked.first_batch, asked.last_batch
FROM JSON_TABLE(%(ranges)s, '$[*]' COLUMNS (
    first_batch BIGINT UNSIGNED PATH '$[0]', last_batch BIGINT UNSIGNED PATH '$[1]'
)) AS asked
WHERE EXISTS (SELECT 1 FROM batches WHERE batches.batch BETWEEN asked.first_batch AND asked.last_batch)

-- name: audit_next_seen
-- Reads the next row of the outbox after %(after)s of which there is a probe at one of %(edges)s, a JSON array, by a leaf
-- and by a row; each may be NULL.
SELECT
    (SELECT source FROM log_leaves FORCE INDEX (source)
        WHERE kind = 'seen' AND source > %(after)s ORDER BY source LIMIT 1) AS of_leaf,
    (
        SELECT MIN((SELECT MIN(sightings.invalidation) FROM sightings
            WHERE sightings.edge = known.edge AND sightings.invalidation > %(after)s))
        FROM JSON_TABLE(%(edges)s, '$[*]' COLUMNS (
            edge VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
        )) AS known
    ) AS of_row

-- name: audit_probes
-- Reads the probe results at %(edges)s, a JSON array, of the rows of the outbox after %(after)s up to %(last)s, the times
-- in UTC.
SELECT sightings.edge, sightings.invalidation, sightings.code, sightings.seen_at, sightings.status, sightings.gone,
    sightings.looked, sightings.images, sightings.note
FROM JSON_TABLE(%(edges)s, '$[*]' COLUMNS (
    edge VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS known
STRAIGHT_JOIN sightings FORCE INDEX (PRIMARY)
    ON sightings.edge = known.edge AND sightings.invalidation > %(after)s AND sightings.invalidation <= %(last)s

-- name: audit_purges
-- Reads the batches of the rows of the outbox after %(after)s up to %(last)s.
SELECT id, batch FROM invalidations WHERE id > %(after)s AND id <= %(last)s
