-- Statements of the signed log: what is to become a leaf, and what proofs are made of.

-- name: log_state
-- Reads where the log ends, and the last batch.
SELECT log_state.size, log_state.peaks, log_state.batch, log_state.event, log_state.edges, numbering.last_batch
FROM log_state
JOIN numbering ON numbering.one = log_state.one

-- name: log_waiting_entries
-- Reads the entries that wait for their place, the oldest first.
SELECT id, content, openings FROM log_entries ORDER BY id LIMIT %(limit)s

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

-- name: log_last_edges
-- Reads the last list of edges that is in the log.
SELECT content FROM log_leaves WHERE kind = 'edges' ORDER BY leaf DESC LIMIT 1

-- name: log_edges
-- Reads the names of the enabled edges.
SELECT name FROM edges WHERE enabled ORDER BY name

-- name: append_leaves
-- Appends leaves to the log: see the procedure.
CALL append_leaves(
    %(size)s, %(leaves)s, %(nodes)s, %(entries)s, %(new_size)s, %(peaks)s, %(batch)s, %(event)s, %(edges)s, %(note)s
)

-- name: prune_leaves
-- Prunes contents of leaves whose rows are past their retention, of about 500 batches a call. Returns how many, and
-- whether to call again.
CALL prune_leaves()

-- name: record_log_entry
-- Writes a leaf that waits for its place.
INSERT INTO log_entries (content, openings) VALUES (%(content)s, %(openings)s)

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
-- 2,000 leaves of acknowledgements, which outlive them.
SELECT covering.batch
FROM (SELECT MIN(batch) AS batch FROM receipts WHERE batch >= %(batch)s GROUP BY edge) AS covering
UNION
SELECT told.source
FROM (
    SELECT source, content FROM log_leaves FORCE INDEX (source)
    WHERE kind = 'acknowledged' AND source >= %(batch)s AND content IS NOT NULL ORDER BY source LIMIT 2000
) AS told
WHERE CAST(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(told.content USING utf8mb4), '$.first')) AS UNSIGNED) <= %(batch)s

-- name: log_keys
-- Reads the notes by which keys followed each other, the oldest first.
SELECT note FROM log_keys ORDER BY id

-- name: record_log_key
-- Keeps a key at its place, from 1; changes nothing where another one has it.
INSERT IGNORE INTO log_keys (id, note) VALUES (%(place)s, %(note)s)

-- name: log_unsigned
-- Reads how many leaves follow the last signed state, the first of them, and the time (UTC).
SELECT log_state.size - signed.size AS leaves, log_leaves.content, UTC_TIMESTAMP(6) AS read_at
FROM log_state
JOIN (SELECT size FROM log_checkpoints ORDER BY size DESC LIMIT 1) AS signed
LEFT JOIN log_leaves ON log_leaves.leaf = signed.size
WHERE log_state.size > signed.size

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
UPDATE JSON_TABLE(%(rows)s, '$[*]' COLUMNS (leaf BIGINT UNSIGNED PATH '$[0]', openings TEXT PATH '$[1]')) AS kept
STRAIGHT_JOIN log_leaves ON log_leaves.leaf = kept.leaf
SET log_leaves.openings = UNHEX(kept.openings)
WHERE log_leaves.openings IS NOT NULL
