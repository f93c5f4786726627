-- Statements that record acknowledgements and probe results, and that read them for receipts.

-- name: record_receipts
-- Records the acknowledgements in the JSON array %(rows)s: the driver takes three times as long for a row that is a
-- parameter. What was recorded once stays.
INSERT INTO receipts (edge, batch, first_batch, method, instance, acknowledged_at)
SELECT edge, last, first, method, instance, at
FROM JSON_TABLE(%(rows)s, '$[*]' COLUMNS (
    edge VARCHAR(256) CHARACTER SET ascii PATH '$[0]', last BIGINT UNSIGNED PATH '$[1]',
    first BIGINT UNSIGNED PATH '$[2]', method VARCHAR(17) CHARACTER SET ascii PATH '$[3]',
    instance VARCHAR(65) CHARACTER SET ascii PATH '$[4]', at DATETIME(6) PATH '$[5]')) AS written
ON DUPLICATE KEY UPDATE edge = VALUES(edge)

-- name: record_probe_result
-- Records a probe result of an edge (table sightings). Of two results the later one counts, whether the image was gone or
-- shown; of two that agree the earlier time stays, unless the later probe saw more images of a banned owner or digest.
-- The note keeps the result that was replaced. The server assigns from left to right: note and flushed_at are made of the
-- former result, and the columns after seen_at follow it.
INSERT INTO sightings (edge, invalidation, code, seen_at, status, gone, note, looked, images)
VALUES (%(edge)s, %(invalidation)s, %(code)s, %(at)s, %(status)s, %(gone)s, %(note)s, %(looked)s, %(images)s)
ON DUPLICATE KEY UPDATE
    note = IF(
        gone <> VALUES(gone) AND seen_at < VALUES(seen_at),
        CONCAT(IF(gone, 'gone', 'still there'), ' (', status, ') at ', seen_at), note
    ),
    flushed_at = IF(
        gone < VALUES(gone) AND seen_at < VALUES(seen_at),
        (SELECT flush_done_at FROM edges WHERE name = sightings.edge AND flush_done_at > sightings.seen_at), flushed_at
    ),
    seen_at = IF(
        seen_at < VALUES(seen_at) AND (gone <> VALUES(gone) OR COALESCE(looked, 0) < VALUES(looked)),
        VALUES(seen_at), seen_at
    ),
    status = IF(seen_at = VALUES(seen_at), VALUES(status), status),
    gone = IF(seen_at = VALUES(seen_at), VALUES(gone), gone),
    looked = IF(seen_at = VALUES(seen_at), VALUES(looked), looked),
    images = IF(seen_at = VALUES(seen_at), VALUES(images), images)

-- name: record_probe_remarks
-- Records from the JSON array %(rows)s how many objects an edge says it removed, of which the first count stays, or why a
-- probe proved nothing, of which the last reason stays, with the status of the answer.
INSERT INTO probe_remarks (edge, invalidation, code, removed, status, note)
SELECT edge, invalidation, code, removed, status, note
FROM JSON_TABLE(%(rows)s, '$[*]' COLUMNS (
    edge VARCHAR(256) CHARACTER SET ascii PATH '$[0]', invalidation BIGINT UNSIGNED PATH '$[1]',
    code VARCHAR(256) CHARACTER SET ascii PATH '$[2]', removed INT UNSIGNED PATH '$[3]',
    status SMALLINT UNSIGNED PATH '$[4]', note VARCHAR(255) CHARACTER SET utf8mb4 PATH '$[5]')) AS written
ON DUPLICATE KEY UPDATE
    removed = COALESCE(probe_remarks.removed, VALUES(removed)),
    status = IF(VALUES(note) IS NULL, probe_remarks.status, VALUES(status)),
    note = COALESCE(VALUES(note), probe_remarks.note)

-- name: known_remarks
-- Reads the reasons that are on record for these probes, triples of edge, row and code in the JSON array %(rows)s.
SELECT remarks.edge, remarks.invalidation, remarks.code, remarks.note
FROM JSON_TABLE(%(rows)s, '$[*]' COLUMNS (
    edge VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
    invalidation BIGINT UNSIGNED PATH '$[1]',
    code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin PATH '$[2]'
)) AS asked
STRAIGHT_JOIN probe_remarks AS remarks FORCE INDEX (PRIMARY)
    ON remarks.edge = asked.edge AND remarks.invalidation = asked.invalidation AND remarks.code = asked.code

-- name: receipts_bans
-- Reads the bans of a subject that have a row, the oldest first.
SELECT id, reason, banned_by, banned_at, lifted_at, lifted_by, lift_reason, name
FROM bans
WHERE scope = %(scope)s AND subject = %(subject)s
ORDER BY id

-- name: receipts_purges
-- Reads the rows of the outbox that bans, lifts and resends of a subject have written, with the times (UTC) of their
-- numbers.
SELECT event.ban_id, event.id, event.cause, event.written_at, event.batch, batches.numbered_at
FROM (
    SELECT id, ban_id, cause, written_at, batch
    FROM invalidations FORCE INDEX (subject)
    WHERE scope = %(scope)s AND subject = %(subject)s AND cause NOT IN ('image', 'rendition')
) AS event
LEFT JOIN batches ON batches.batch = event.batch
ORDER BY event.id

-- name: receipts_edges
-- Reads, for one row of the outbox, each edge's first acknowledgement that covers its batch, and the probe results
-- after it: of the subject as a whole, and of one image (%(code)s) of a banned owner or digest; with the count of its
-- other images that were probed. Where there is no result a remark has its place. The batch is a parameter, as only then
-- MIN takes one step in the index for each edge: for many rows at once it would read all receipts of an edge for each.
SELECT known.edge, receipts.acknowledged_at, receipts.instance, receipts.method,
    on_whole.removed,
    seen.seen_at,
    IF(seen.seen_at IS NULL, on_seen.status, seen.status) AS status,
    seen.gone,
    IF(seen.seen_at IS NULL, on_seen.note, seen.note) AS note,
    seen.looked, seen.images, seen.flushed_at,
    (
        SELECT COUNT(*)
        FROM sightings AS other
        WHERE other.edge = known.edge AND other.invalidation = %(invalidation)s
            AND other.code NOT IN ('', %(code)s)
    ) AS others,
    IF(whole.seen_at IS NULL, on_whole.note, whole.note) AS whole_note
FROM (SELECT name AS edge FROM edges UNION SELECT DISTINCT edge FROM receipts) AS known
LEFT JOIN (SELECT edge, MIN(batch) AS batch FROM receipts WHERE batch >= %(batch)s GROUP BY edge) AS covering
    ON covering.edge = known.edge
LEFT JOIN receipts
    ON receipts.edge = covering.edge AND receipts.batch = covering.batch AND receipts.first_batch <= %(batch)s
LEFT JOIN sightings AS whole ON whole.edge = known.edge AND whole.invalidation = %(invalidation)s AND whole.code = ''
LEFT JOIN sightings AS seen ON seen.edge = known.edge AND seen.invalidation = %(invalidation)s AND seen.code = %(code)s
LEFT JOIN probe_remarks AS on_whole
    ON on_whole.edge = known.edge AND on_whole.invalidation = %(invalidation)s AND on_whole.code = ''
LEFT JOIN probe_remarks AS on_seen
    ON on_seen.edge = known.edge AND on_seen.invalidation = %(invalidation)s AND on_seen.code = %(code)s
-- A removed or disabled edge has a row where it acknowledged or showed something, and none where it did not.
WHERE COALESCE(receipts.edge, whole.edge, seen.edge, on_whole.edge, on_seen.edge) IS NOT NULL
    OR EXISTS (SELECT 1 FROM edges WHERE edges.name = known.edge AND edges.enabled)
ORDER BY known.edge

-- name: receipts_flushes
-- Reads the time (UTC) of the first flush that each edge has acknowledged after %(since)s.
SELECT edge, MIN(acknowledged_at) AS first_flush
FROM receipts
WHERE method = 'flush' AND acknowledged_at > %(since)s
GROUP BY edge

-- name: receipts_known_edges
-- Reads the name, the public URL and the state of all edges, each with the time of now (UTC).
SELECT name, public_url, enabled, added_at, triggers, instance, seen_at, lease, UTC_TIMESTAMP(6) AS read_at
FROM edges
ORDER BY name

-- name: receipts_log
-- Reads the log of bans on a subject, of deleted ones too.
SELECT ban_id, id, action, logged_at, account, reason, banned_by, detail, invalidation, lifted_by, lift_reason
FROM moderation_log FORCE INDEX (subject)
WHERE scope = %(scope)s AND subject = %(subject)s AND ban_id IS NOT NULL
ORDER BY id

-- name: receipts_erasures
-- Reads how the bytes of the originals with a content were erased, one row for each ban under which that was: when the
-- first erasure began, when the last was done (NULL: the last that began was not), how many files went and stayed (one
-- that stayed at first may have gone later), and the account.
SELECT
    ban_id,
    MIN(IF(action = 'begin', written_at, NULL)) AS begun_at,
    IF(
        MAX(IF(action = 'done', id, 0)) > MAX(IF(action = 'begin', id, 0)), MAX(IF(action = 'done', written_at, NULL)), NULL
    ) AS done_at,
    COUNT(DISTINCT IF(action = 'erased', CONCAT(erasures.digest, COALESCE(path, '')), NULL)) AS erased,
    COUNT(DISTINCT IF(action IN ('erased', 'kept'), CONCAT(erasures.digest, COALESCE(path, '')), NULL))
        - COUNT(DISTINCT IF(action = 'erased', CONCAT(erasures.digest, COALESCE(path, '')), NULL)) AS kept,
    MAX(account) AS account
FROM (
    SELECT digest FROM renditions FORCE INDEX (content) WHERE content = %(digest)s AND name = 'original'
    UNION
    SELECT CONVERT(%(digest)s USING ascii) COLLATE ascii_bin
) AS originals
STRAIGHT_JOIN erasures FORCE INDEX (original) ON erasures.original = originals.digest
GROUP BY ban_id

-- name: receipts_moves
-- Reads the former owners of an image and the times (UTC) at which they lost it, in this order.
SELECT owner, logged_at, account, detail
FROM moderation_log FORCE INDEX (subject)
WHERE scope = 'image' AND subject = %(code)s AND action = 'move'
ORDER BY id

-- name: receipts_pruned_until
-- Reads the time (UTC) up to which rows of the outbox and receipts were pruned.
SELECT receipts_until FROM retention WHERE one = 1
