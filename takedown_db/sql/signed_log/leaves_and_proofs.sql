-- Statements of the signed log: what is to become a leaf, and what proofs are made of.

-- name: log_state
-- Reads where the log ends: its size, the batch and the act of moderation up to which it has them, NULL if it has none,
-- its last signed state and list of edges, and how many of its keys it has leaves of; and the last batch.
SELECT
    log_state.size,
    COALESCE((SELECT MAX(source) FROM log_leaves WHERE kind = 'batch'), log_state.begun) AS batch,
    (SELECT MAX(source) FROM log_leaves WHERE kind = 'settled') AS event,
    numbering.last_batch,
    (SELECT note FROM log_checkpoints ORDER BY size DESC LIMIT 1) AS note,
    (SELECT content FROM log_leaves WHERE kind = 'edges' ORDER BY leaf DESC LIMIT 1) AS edges,
    (SELECT COUNT(*) FROM log_leaves WHERE kind = 'key') AS log_keys
FROM log_state
JOIN numbering ON numbering.one = log_state.one

-- name: log_begun
-- Reads whether a purger with a key has begun the log.
SELECT begun IS NOT NULL AS begun FROM log_state

-- name: log_waiting_entries
-- Reads the entries that wait for their place, the oldest first, each with the last batch.
SELECT log_entries.id, log_entries.content, log_entries.openings, numbering.last_batch
FROM log_entries JOIN numbering ON numbering.one = 1
ORDER BY log_entries.id LIMIT %(limit)s

-- name: log_batches_of_rows
-- Reads the batches of those rows of the outbox whose ids are in the JSON array %(ids)s.
SELECT STRAIGHT_JOIN invalidations.id, invalidations.batch
FROM JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS asked
JOIN invalidations ON invalidations.id = asked.id

-- name: log_batches
-- Reads the first batches after %(after)s, the times in UTC.
SELECT batch, identity, numbered_at, size FROM batches WHERE batch > %(after)s ORDER BY batch LIMIT %(limit)s

-- name: log_purges_of_batches
-- Reads the rows of the outbox of the batches after %(after)s up to %(last)s, by batch and id, the times in UTC.
SELECT batch, id, scope, subject, cause, ban_id, written_at
FROM invalidations FORCE INDEX (batch)
WHERE batch > %(after)s AND batch <= %(last)s
ORDER BY batch, id

-- name: log_events_of_batches
-- Reads the acts of moderation whose rows are in the batches after %(after)s up to %(last)s.
SELECT moderation_log.id, moderation_log.action, moderation_log.ban_id, moderation_log.scope, moderation_log.subject,
    moderation_log.owner, moderation_log.reason, moderation_log.banned_by, moderation_log.detail,
    moderation_log.invalidation, moderation_log.account, moderation_log.logged_at, moderation_log.banned_at,
    moderation_log.lifted_at, moderation_log.lifted_by, moderation_log.lift_reason, invalidations.batch
FROM invalidations FORCE INDEX (batch)
STRAIGHT_JOIN moderation_log ON moderation_log.invalidation = invalidations.id
WHERE invalidations.batch > %(after)s AND invalidations.batch <= %(last)s
ORDER BY moderation_log.id

-- name: log_silent_events
-- Reads the acts of moderation after %(after)s that caused no purge and are in no leaf.
SELECT moderation_log.id, moderation_log.action, moderation_log.ban_id, moderation_log.scope, moderation_log.subject,
    moderation_log.owner, moderation_log.reason, moderation_log.banned_by, moderation_log.detail,
    moderation_log.invalidation, moderation_log.account, moderation_log.logged_at, moderation_log.banned_at,
    moderation_log.lifted_at, moderation_log.lifted_by, moderation_log.lift_reason, NULL AS batch
FROM moderation_log FORCE INDEX (invalidation)
WHERE moderation_log.invalidation IS NULL AND moderation_log.id > %(after)s
    AND NOT EXISTS (SELECT 1 FROM log_leaves WHERE log_leaves.kind = 'event' AND log_leaves.source = moderation_log.id)
ORDER BY moderation_log.id
LIMIT %(limit)s

-- name: log_settled_event
-- Reads the largest id of moderation_log of more than %(seconds)s seconds ago: a transaction may be open as long.
SELECT COALESCE(MAX(id), 0) AS settled FROM moderation_log
WHERE id > %(after)s AND logged_at < UTC_TIMESTAMP(6) - INTERVAL %(seconds)s SECOND

-- name: log_former_edges
-- Reads the lists of edges that are in the log.
SELECT content FROM log_leaves WHERE kind = 'edges'

-- name: log_edges
-- Reads the names of the edges, and which are enabled.
SELECT name, enabled FROM edges ORDER BY name

-- name: append_leaves
-- Appends leaves to the log: see the procedure.
CALL append_leaves(
    %(size)s, %(leaves)s, %(nodes)s, %(entries)s, %(new_size)s, %(begun)s, %(note)s
)

-- name: prune_leaves
-- Prunes contents of leaves whose rows are past their retention, of about 500 batches a call. Returns how many, and
-- whether to call again.
CALL prune_leaves()

-- name: record_log_entry
-- Writes what was seen of an edge, a leaf that waits for its place.
INSERT INTO log_entries (content, openings) VALUES (%(content)s, %(openings)s)

-- name: record_log_removal
-- Writes what was erased, a leaf that waits for its place.
INSERT INTO log_entries (removal, content) VALUES (TRUE, %(content)s)

-- name: log_checkpoint
-- Reads the last signed state of the log.
SELECT note FROM log_checkpoints ORDER BY size DESC LIMIT 1

-- name: log_nodes_between
-- Reads nodes of one level, in their order.
SELECT hash FROM log_nodes WHERE level = %(level)s AND position BETWEEN %(first)s AND %(last)s ORDER BY position

-- name: log_hashes_between
-- Reads the hashes of leaves, in their order; %(level)s is 0.
SELECT hash FROM log_leaves WHERE %(level)s = 0 AND leaf BETWEEN %(first)s AND %(last)s ORDER BY leaf

-- name: log_events_of_subject
-- Reads the leaves, before %(size)s, of the acts of moderation on a subject.
SELECT log_leaves.leaf, log_leaves.content, log_leaves.openings
FROM moderation_log FORCE INDEX (subject)
STRAIGHT_JOIN log_leaves ON log_leaves.kind = 'event' AND log_leaves.source = moderation_log.id
WHERE moderation_log.scope = %(scope)s AND moderation_log.subject = %(subject)s AND log_leaves.leaf < %(size)s

-- name: log_events_of_ban
-- Reads the leaves, before %(size)s, of the acts of moderation on the ban with the id %(ban)s.
SELECT log_leaves.leaf, log_leaves.content, log_leaves.openings
FROM moderation_log FORCE INDEX (ban)
STRAIGHT_JOIN log_leaves ON log_leaves.kind = 'event' AND log_leaves.source = moderation_log.id
WHERE moderation_log.ban_id = %(ban)s AND log_leaves.leaf < %(size)s

-- name: log_leaves_of
-- Reads the leaves, before %(size)s, of one kind and number.
SELECT leaf, content, openings FROM log_leaves WHERE kind = %(kind)s AND source = %(source)s AND leaf < %(size)s

-- name: log_lists_from
-- Reads the lists of edges, before %(size)s, from the one in force at the leaf %(leaf)s on.
SELECT leaf, content, openings FROM log_leaves
WHERE kind = 'edges' AND leaf < %(size)s AND leaf >= COALESCE(
    (SELECT MAX(former.leaf) FROM log_leaves AS former WHERE former.kind = 'edges' AND former.leaf < %(leaf)s), 0)

-- name: log_covering_batches
-- Reads the last batch of each edge's first acknowledgement of the batch %(batch)s: by the receipts, and by the next
-- 500 leaves of acknowledgements, which outlive them.
SELECT covering.batch
FROM (SELECT MIN(batch) AS batch FROM receipts WHERE batch >= %(batch)s GROUP BY edge) AS covering
UNION
SELECT told.source
FROM (
    SELECT source, content FROM log_leaves FORCE INDEX (source)
    WHERE kind = 'acknowledged' AND source >= %(batch)s AND content IS NOT NULL ORDER BY source LIMIT 500
) AS told
WHERE CAST(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(told.content USING utf8mb4), '$.first')) AS UNSIGNED) <= %(batch)s

-- name: log_keys
-- Reads the notes by which keys followed each other, the oldest first.
SELECT note FROM log_keys ORDER BY id

-- name: record_log_key
-- Keeps a key at its place, from 1; changes nothing where another one has it.
INSERT IGNORE INTO log_keys (id, note) VALUES (%(place)s, %(note)s)

-- name: log_backlog
-- Reads the size of the log, if it has begun, and its last signed state; how many batches, receipts and probes wait for
-- their place; for how many seconds the oldest batch waits; and the oldest of the others.
SELECT
    log_state.size,
    (SELECT note FROM log_checkpoints ORDER BY size DESC LIMIT 1) AS note,
    COUNT(batches.batch) AS batches,
    (SELECT SUM(COALESCE(JSON_EXTRACT(CONVERT(content USING utf8mb4), '$.receipts'), 1)) FROM log_entries) AS entries,
    COALESCE(TIMESTAMPDIFF(MICROSECOND, MIN(batches.numbered_at), UTC_TIMESTAMP(6)) / 1000000, 0) AS seconds,
    (SELECT content FROM log_entries ORDER BY id LIMIT 1) AS entry
FROM log_state
LEFT JOIN batches
    ON batches.batch > COALESCE((SELECT MAX(source) FROM log_leaves WHERE kind = 'batch'), log_state.begun)
WHERE log_state.one = 1 AND log_state.begun IS NOT NULL
GROUP BY log_state.size

-- name: redact_events
-- Reads the leaves of the acts of moderation on a subject that have openings.
SELECT log_leaves.leaf, log_leaves.content, log_leaves.openings
FROM moderation_log FORCE INDEX (subject)
STRAIGHT_JOIN log_leaves FORCE INDEX (source) ON log_leaves.kind = 'event' AND log_leaves.source = moderation_log.id
WHERE moderation_log.scope = %(scope)s AND moderation_log.subject = %(subject)s
    AND log_leaves.content IS NOT NULL AND log_leaves.openings IS NOT NULL

-- name: redact_probes
-- Reads the leaves of the probes of these acts that have openings.
SELECT log_leaves.leaf, log_leaves.content, log_leaves.openings
FROM moderation_log FORCE INDEX (subject)
STRAIGHT_JOIN log_leaves FORCE INDEX (source)
    ON log_leaves.kind = 'seen' AND log_leaves.source = moderation_log.invalidation
WHERE moderation_log.scope = %(scope)s AND moderation_log.subject = %(subject)s
    AND log_leaves.content IS NOT NULL AND log_leaves.openings IS NOT NULL

-- name: redact_batches
-- Reads the leaves of the batches of these acts, and of other purges of the subject, that have openings.
SELECT log_leaves.leaf, log_leaves.content, log_leaves.openings
FROM (
    SELECT DISTINCT log_events.batch
    FROM moderation_log FORCE INDEX (subject)
    STRAIGHT_JOIN log_leaves AS act FORCE INDEX (source) ON act.kind = 'event' AND act.source = moderation_log.id
    STRAIGHT_JOIN log_events FORCE INDEX (PRIMARY) ON log_events.leaf = act.leaf
    WHERE moderation_log.scope = %(scope)s AND moderation_log.subject = %(subject)s
    UNION
    SELECT batch FROM invalidations FORCE INDEX (subject) WHERE scope = %(scope)s AND subject = %(subject)s
) AS telling
STRAIGHT_JOIN log_leaves FORCE INDEX (source) ON log_leaves.kind = 'batch' AND log_leaves.source = telling.batch
WHERE log_leaves.content IS NOT NULL AND log_leaves.openings IS NOT NULL

-- name: redact_openings
-- Replaces openings: the JSON array %(rows)s has the place of each leaf, and what is left of its openings, in hex.
UPDATE JSON_TABLE(%(rows)s, '$[*]' COLUMNS (leaf BIGINT UNSIGNED PATH '$[0]', openings LONGTEXT PATH '$[1]')) AS kept
STRAIGHT_JOIN log_leaves ON log_leaves.leaf = kept.leaf
SET log_leaves.openings = UNHEX(kept.openings)
WHERE log_leaves.openings IS NOT NULL
