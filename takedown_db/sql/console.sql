-- Statements of the console: the latest takedowns, and what is known of an image, an owner or a digest.

-- name: console_log_end
-- Reads the id after the last entry of the log. CAST: COALESCE with a constant gives a DECIMAL.
SELECT CAST(COALESCE(MAX(id), 0) + 1 AS UNSIGNED) AS following FROM moderation_log

-- name: console_log
-- Reads the newest %(limit)s entries of the log for bans and lifts with ids after %(after)s and before %(before)s, the
-- newest first, with the rows of the outbox that they wrote: of one person, or whose reason is like %(reason)s, or all
-- (NULL). Person and reason are those of the act.
SELECT log.id, log.action, log.ban_id, log.scope, log.subject, log.reason, log.person, log.account, log.logged_at,
    invalidations.id AS invalidation, invalidations.written_at, invalidations.batch
FROM (
    SELECT id, action, ban_id, scope, subject, IF(action = 'lift', COALESCE(lift_reason, ''), reason) AS reason,
        IF(action = 'lift', COALESCE(lifted_by, ''), banned_by) AS person, account, logged_at, invalidation
    FROM moderation_log
    WHERE id > %(after)s AND id < %(before)s AND action IN ('ban', 'lift', 'unban')
        AND (%(person)s IS NULL OR IF(action = 'lift', lifted_by, banned_by) = %(person)s)
        AND (%(reason)s IS NULL OR IF(action = 'lift', lift_reason, reason) LIKE %(reason)s)
    ORDER BY id DESC
    LIMIT %(limit)s
) AS log
LEFT JOIN invalidations ON invalidations.id = log.invalidation
ORDER BY log.id DESC

-- name: console_log_time
-- Reads the time (UTC) of the first entry of the log from the id %(id)s on.
SELECT logged_at FROM moderation_log WHERE id >= %(id)s ORDER BY id LIMIT 1

-- name: console_last_batch
-- Reads the last batch of the rows of the outbox with ids from %(first)s to %(last)s; NULL while one has no number.
SELECT IF(
    EXISTS (SELECT 1 FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL AND id BETWEEN %(first)s AND %(last)s),
    NULL,
    (SELECT MAX(batch) FROM invalidations FORCE INDEX (PRIMARY) WHERE id BETWEEN %(first)s AND %(last)s)
) AS batch

-- name: console_acknowledgements
-- Reads for each batch of the JSON array %(batches)s and each enabled edge the first acknowledgement that covers it: NULL
-- where there is none. MIN takes one step in the index for each of them.
SELECT STRAIGHT_JOIN asked.batch, edges.name, receipts.acknowledged_at, receipts.method
FROM JSON_TABLE(%(batches)s, '$[*]' COLUMNS (batch BIGINT UNSIGNED PATH '$')) AS asked
JOIN edges ON edges.enabled
LEFT JOIN receipts ON receipts.edge = edges.name AND receipts.first_batch <= asked.batch AND receipts.batch = (
    SELECT MIN(later.batch) FROM receipts AS later WHERE later.edge = edges.name AND later.batch >= asked.batch
)
ORDER BY asked.batch, edges.name

-- name: console_probe_results
-- Reads the probe results of the rows of the outbox in the JSON array %(rows)s at each enabled edge, and remarks where
-- there are none.
SELECT STRAIGHT_JOIN asked.id, edges.name, sightings.seen_at, sightings.gone,
    IF(sightings.seen_at IS NULL, COALESCE(remarks.note, sightings.note), sightings.note) AS note
FROM JSON_TABLE(%(rows)s, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS asked
JOIN edges ON edges.enabled
LEFT JOIN sightings ON sightings.edge = edges.name AND sightings.invalidation = asked.id AND sightings.code = ''
LEFT JOIN probe_remarks AS remarks
    ON remarks.edge = edges.name AND remarks.invalidation = asked.id AND remarks.code = ''
WHERE sightings.edge IS NOT NULL OR remarks.edge IS NOT NULL

-- name: console_image
-- Reads the owner of an image, and when it was imported (UTC).
SELECT owner, imported_at FROM images WHERE code = %(code)s

-- name: console_renditions
-- Reads the renditions of an image, the original first.
SELECT name, content_type, size, width, height, digest
FROM renditions
WHERE code = %(code)s
ORDER BY name <> 'original', name

-- name: console_has_owner
-- Reads a row where an owner has any image.
SELECT 1 AS found FROM images FORCE INDEX (owner) WHERE owner = %(owner)s LIMIT 1

-- name: console_code_of_digest
-- Reads a code that has a rendition with this digest, whichever.
SELECT code, name FROM renditions FORCE INDEX (digest) WHERE digest = %(digest)s LIMIT 1

-- name: console_count_owner
-- Counts the images of an owner, up to %(most)s.
SELECT COUNT(*) AS images FROM (SELECT 1 FROM images FORCE INDEX (owner) WHERE owner = %(subject)s LIMIT %(most)s) AS counted

-- name: console_count_digest
-- Counts the images with an original, up to %(most)s.
SELECT COUNT(*) AS images
FROM (
    SELECT 1
    FROM renditions FORCE INDEX (content)
    WHERE content = %(subject)s AND name = 'original'
    LIMIT %(most)s
) AS counted

-- name: console_open_bans
-- Reads the open bans on a subject, the oldest first. No date is read: one that does not exist would be NULL.
SELECT id, reason, banned_by FROM bans WHERE scope = %(scope)s AND subject = %(subject)s AND lifted_at IS NULL ORDER BY id

-- name: resend_subject
-- Has a code, an owner or a digest purged again.
INSERT INTO invalidations (scope, subject, cause) VALUES (%(scope)s, %(subject)s, 'resend')
