-- name: record_receipt
-- The first writer wins: what was acknowledged once stays as it was.
INSERT INTO receipts (edge, batch, first_batch, method, instance, acknowledged_at)
VALUES (%(edge)s, %(last)s, %(first)s, %(method)s, %(instance)s, %(at)s)
ON DUPLICATE KEY UPDATE edge = VALUES(edge)

-- name: record_probe_result
-- Of what was removed the first number stays. Of two looks the later one counts, whether it saw the image gone or shown;
-- where it saw the same the first time stays, unless it saw more images of a banned owner. The note keeps the look that was
-- overtaken, or why nothing was proven yet; status alone is that of an answer that proved nothing.
-- Assignments go from left to right: the note is made from the former look, and what comes after it follows seen_at.
INSERT INTO sightings (edge, invalidation, code, removed, seen_at, status, gone, note, looked, images)
VALUES (
    %(edge)s, %(invalidation)s, %(code)s, %(removed)s, %(at)s, %(status)s, %(gone)s, %(note)s, %(looked)s, %(images)s
)
ON DUPLICATE KEY UPDATE
    removed = COALESCE(removed, VALUES(removed)),
    note = CASE
        WHEN gone <> VALUES(gone) AND seen_at < VALUES(seen_at)
            THEN CONCAT(IF(gone, 'gone', 'still there'), ' (', status, ') at ', seen_at)
        WHEN seen_at IS NOT NULL THEN note
        WHEN VALUES(seen_at) IS NULL THEN COALESCE(VALUES(note), note)
        ELSE VALUES(note)
    END,
    seen_at = IF(
        seen_at IS NULL
            OR (seen_at < VALUES(seen_at) AND (gone <> VALUES(gone) OR COALESCE(looked, 0) < VALUES(looked))),
        VALUES(seen_at), seen_at
    ),
    status = IF(
        seen_at = VALUES(seen_at) OR (seen_at IS NULL AND VALUES(note) IS NOT NULL), VALUES(status), status
    ),
    gone = IF(seen_at = VALUES(seen_at), VALUES(gone), gone),
    looked = IF(seen_at = VALUES(seen_at), VALUES(looked), looked),
    images = IF(seen_at = VALUES(seen_at), VALUES(images), images)

-- name: receipts_bans
-- The bans on a code or an owner that have a row. Dates as in bans.sql.
SELECT id, reason, banned_by,
    IF(YEAR(banned_at) * MONTH(banned_at) * DAYOFMONTH(banned_at) = 0, TIMESTAMP '1970-01-01 00:00:00', banned_at),
    IF(YEAR(lifted_at) * MONTH(lifted_at) * DAYOFMONTH(lifted_at) = 0, TIMESTAMP '1970-01-01 00:00:00', lifted_at)
FROM bans
WHERE scope = %(scope)s AND subject = %(subject)s
ORDER BY id

-- name: receipts_purges
-- What bans and lifts of a code or an owner, and resends, have put into the outbox, and when it got its number.
SELECT event.ban_id, event.id, event.cause, event.written_at, event.batch, batches.numbered_at
FROM (
    SELECT id, ban_id, cause, written_at, batch
    FROM invalidations FORCE INDEX (subject)
    WHERE scope = %(scope)s AND subject = %(subject)s AND cause NOT IN ('image', 'rendition')
) AS event
LEFT JOIN batches ON batches.batch = event.batch
ORDER BY event.id

-- name: receipts_edges
-- For one row of the outbox: each edge's first acknowledgement that covers its batch, and what was seen afterwards: of the
-- subject as a whole, or (%(code)s) of one image of a banned owner; and how many other images of the owner were looked at.
-- The batch is a parameter, as only then MIN takes one step in the index for each edge: for many rows at once it would
-- read all receipts of an edge for each.
SELECT known.edge, receipts.acknowledged_at, receipts.instance, receipts.method,
    whole.removed, seen.seen_at, seen.status, seen.gone, seen.note, seen.looked, seen.images,
    (
        SELECT COUNT(*)
        FROM sightings AS other
        WHERE other.edge = known.edge AND other.invalidation = %(invalidation)s
            AND other.code NOT IN ('', %(code)s) AND other.seen_at IS NOT NULL
    ) AS others,
    whole.seen_at, whole.note
FROM (SELECT name AS edge FROM edges UNION SELECT DISTINCT edge FROM receipts) AS known
LEFT JOIN (SELECT edge, MIN(batch) AS batch FROM receipts WHERE batch >= %(batch)s GROUP BY edge) AS covering
    ON covering.edge = known.edge
LEFT JOIN receipts
    ON receipts.edge = covering.edge AND receipts.batch = covering.batch AND receipts.first_batch <= %(batch)s
LEFT JOIN sightings AS whole ON whole.edge = known.edge AND whole.invalidation = %(invalidation)s AND whole.code = ''
LEFT JOIN sightings AS seen ON seen.edge = known.edge AND seen.invalidation = %(invalidation)s AND seen.code = %(code)s
-- An edge that was removed or disabled is shown with what it acknowledged, and not blamed for the rest.
WHERE receipts.edge IS NOT NULL OR whole.edge IS NOT NULL OR seen.edge IS NOT NULL
    OR EXISTS (SELECT 1 FROM edges WHERE edges.name = known.edge AND edges.enabled)
ORDER BY known.edge

-- name: receipts_flushes
-- The first flush that each edge has acknowledged after a time.
SELECT edge, MIN(acknowledged_at)
FROM receipts
WHERE method = 'flush' AND acknowledged_at > %(since)s
GROUP BY edge

-- name: receipts_known_edges
-- Lists all edges, enabled or not.
SELECT name, public_url, enabled, added_at, triggers FROM edges ORDER BY name

-- name: receipts_log
-- What the log tells of bans on a code or an owner, deleted ones too.
SELECT ban_id, id, action, logged_at, account, reason, banned_by, detail, invalidation
FROM moderation_log FORCE INDEX (subject)
WHERE scope = %(scope)s AND subject = %(subject)s AND ban_id IS NOT NULL
ORDER BY id

-- name: receipts_moves
-- The owners that an image has left, or that lost it, in this order.
SELECT owner, logged_at, account, detail
FROM moderation_log FORCE INDEX (subject)
WHERE scope = 'image' AND subject = %(code)s AND action = 'move'
ORDER BY id

-- name: receipts_span
-- How far back the record goes: when the tables and the log were made, what has left the outbox with its receipts, whether
-- a version before the log has pruned, and when the oldest batch that is left was numbered. UTC.
SELECT
    (SELECT applied_at FROM schema_versions WHERE version = 1),
    (SELECT applied_at FROM schema_versions WHERE version = 2),
    receipts_until,
    (SELECT pruned_batch > 0 FROM numbering WHERE one = 1),
    (SELECT numbered_at FROM batches ORDER BY batch LIMIT 1)
FROM retention
WHERE one = 1
