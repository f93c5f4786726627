-- Statements of webhooks: who is told what became of each takedown, and what waits to be told.

-- name: webhooks
-- Reads all receivers by name, with the number of events that wait, of those that were given up, and the age of the oldest
-- that waits in seconds.
SELECT
    name, url, secret_file, ca_file, link, enabled, added_at, failures, problem,
    (SELECT COUNT(*) FROM webhook_events WHERE webhook = name AND state = 'waiting') AS waiting,
    (SELECT COUNT(*) FROM webhook_events WHERE webhook = name AND state = 'dead') AS dead,
    CAST(COALESCE((
        SELECT TIMESTAMPDIFF(MICROSECOND, MIN(created_at), UTC_TIMESTAMP(6)) / 1e6
        FROM webhook_events
        WHERE webhook = name AND state = 'waiting'
    ), 0) AS DOUBLE) AS oldest
FROM webhooks
ORDER BY name

-- name: webhook_add
-- Adds a receiver, which is told what later batches than the last one hold.
INSERT INTO webhooks (name, url, secret_file, ca_file, link, after_batch)
SELECT %(name)s, %(url)s, %(secret_file)s, %(ca_file)s, %(link)s, last_batch FROM numbering WHERE one = 1

-- name: webhook_enable
-- Enables or disables a receiver, and lets it be tried at once.
UPDATE webhooks SET enabled = %(enabled)s, failures = 0, due_at = '1970-01-01' WHERE name = %(name)s

-- name: webhook_remove
-- Removes a receiver.
DELETE FROM webhooks WHERE name = %(name)s

-- name: webhook_remove_events
-- Removes all events of a receiver.
DELETE FROM webhook_events WHERE webhook = %(name)s

-- name: webhook_receivers
-- Reads of each receiver its name and link, and the batch after which its events begin.
SELECT name, link, after_batch FROM webhooks ORDER BY name

-- name: webhook_lock
-- Reads how far the outbox is collected, and locks that until the transaction ends.
SELECT batch, invalidation FROM webhook_state WHERE one = 1 FOR UPDATE

-- name: webhook_clock
-- Reads the database's clock (UTC), and the last batch.
SELECT UTC_TIMESTAMP(6) AS read_at, last_batch FROM numbering WHERE one = 1

-- name: webhook_changes
-- Reads the bans and lifts of the outbox after row %(invalidation)s of batch %(batch)s up to batch %(last)s, the first
-- %(limit)s.
SELECT id, batch, ban_id, cause, scope, subject, written_at
FROM invalidations FORCE INDEX (batch)
WHERE batch >= %(batch)s AND batch <= %(last)s AND (batch > %(batch)s OR id > %(invalidation)s)
    AND cause IN ('ban', 'lift', 'unban') AND ban_id IS NOT NULL
ORDER BY batch, id
LIMIT %(limit)s

-- name: webhook_collected
-- Notes how far the outbox is collected.
UPDATE webhook_state SET batch = %(batch)s, invalidation = %(invalidation)s WHERE one = 1

-- name: webhook_watch
-- Watches the bans of the JSON array %(rows)s.
INSERT INTO webhook_watches (ban_id, invalidation, batch, scope, subject, written_at)
SELECT ban_id, invalidation, batch, scope, subject, written_at
FROM JSON_TABLE(%(rows)s, '$[*]' COLUMNS (
    ban_id BIGINT UNSIGNED PATH '$[0]', invalidation BIGINT UNSIGNED PATH '$[1]', batch BIGINT UNSIGNED PATH '$[2]',
    scope VARCHAR(16) CHARACTER SET ascii PATH '$[3]', subject VARCHAR(255) CHARACTER SET ascii PATH '$[4]',
    written_at DATETIME(6) PATH '$[5]')) AS written
ON DUPLICATE KEY UPDATE
    invalidation = VALUES(invalidation), batch = VALUES(batch), scope = VALUES(scope), subject = VALUES(subject),
    written_at = VALUES(written_at), late = FALSE

-- name: webhook_unwatch
-- Ends the watch of the bans whose ids are in the JSON array %(bans)s.
DELETE webhook_watches
FROM webhook_watches
JOIN JSON_TABLE(%(bans)s, '$[*]' COLUMNS (ban_id BIGINT UNSIGNED PATH '$')) AS ended
    ON ended.ban_id = webhook_watches.ban_id

-- name: webhook_watched_batches
-- Reads the batches with bans that are watched, the oldest 100: when each was numbered (UTC), and whether some of its bans
-- were not told to be late.
SELECT watched.batch, batches.numbered_at, watched.unsaid
FROM (
    SELECT batch, MIN(late) = 0 AS unsaid FROM webhook_watches GROUP BY batch ORDER BY batch LIMIT 100
) AS watched
LEFT JOIN batches ON batches.batch = watched.batch
ORDER BY watched.batch

-- name: webhook_watched_bans
-- Reads watched bans of a batch, %(limit)s at most; with %(unsaid)s only those that were not told to be late.
SELECT ban_id, invalidation, batch, scope, subject, written_at
FROM webhook_watches
WHERE batch = %(batch)s AND (NOT %(unsaid)s OR NOT late)
ORDER BY invalidation
LIMIT %(limit)s

-- name: webhook_note_late
-- Notes that the bans whose ids are in the JSON array %(bans)s were told to be late.
UPDATE JSON_TABLE(%(bans)s, '$[*]' COLUMNS (ban_id BIGINT UNSIGNED PATH '$')) AS told
STRAIGHT_JOIN webhook_watches ON webhook_watches.ban_id = told.ban_id
SET webhook_watches.late = TRUE

-- name: webhook_gone_at
-- Reads when the last of the enabled edges acknowledged a batch (UTC); NULL where no receipt says so.
SELECT MAX(receipts.acknowledged_at) AS gone_at
FROM (
    SELECT edges.name, (
        SELECT MIN(each_receipt.batch) FROM receipts AS each_receipt
        WHERE each_receipt.edge = edges.name AND each_receipt.batch >= %(batch)s
    ) AS batch
    FROM edges
    WHERE edges.enabled
) AS covering
STRAIGHT_JOIN receipts ON receipts.edge = covering.name AND receipts.batch = covering.batch

-- name: webhook_tell
-- Writes the events of the JSON array %(rows)s, which were made at %(at)s (UTC). One that is there already stays.
INSERT INTO webhook_events (webhook, message, ban_id, payload, created_at, due_at)
SELECT webhook, message, ban_id, payload, %(at)s, %(at)s
FROM JSON_TABLE(%(rows)s, '$[*]' COLUMNS (
    place FOR ORDINALITY,
    webhook VARCHAR(64) CHARACTER SET ascii PATH '$[0]', message VARCHAR(64) CHARACTER SET ascii PATH '$[1]',
    ban_id BIGINT UNSIGNED PATH '$[2]', payload TEXT CHARACTER SET utf8mb4 PATH '$[3]')) AS written
ORDER BY place
ON DUPLICATE KEY UPDATE webhook_events.created_at = webhook_events.created_at

-- name: webhook_due_receivers
-- Reads the enabled receivers to which something may be sent now.
SELECT name, url, secret_file, ca_file, failures FROM webhooks WHERE enabled AND due_at <= UTC_TIMESTAMP(6)

-- name: webhook_due_events
-- Reads the events that a receiver is to be told now, the oldest first: of each takedown the first that waits.
SELECT id, message, payload, attempts
FROM webhook_events AS event FORCE INDEX (due)
WHERE webhook = %(webhook)s AND state = 'waiting' AND due_at <= UTC_TIMESTAMP(6) AND NOT EXISTS (
    SELECT 1
    FROM webhook_events AS earlier FORCE INDEX (takedown)
    WHERE earlier.webhook = event.webhook AND earlier.ban_id = event.ban_id AND earlier.state = 'waiting'
        AND earlier.id < event.id
)
ORDER BY due_at, id
LIMIT %(limit)s

-- name: webhook_told
-- Notes the events whose ids are in the JSON array %(ids)s as told.
UPDATE JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS told
STRAIGHT_JOIN webhook_events ON webhook_events.id = told.id
SET webhook_events.state = 'told', webhook_events.told_at = UTC_TIMESTAMP(6), webhook_events.problem = NULL

-- name: webhook_failed
-- Notes that an event could not be told: its next try is in %(wait)s seconds, or (%(dead)s) it is given up.
UPDATE webhook_events
SET attempts = attempts + 1, problem = %(problem)s, state = IF(%(dead)s, 'dead', 'waiting'),
    due_at = UTC_TIMESTAMP(6) + INTERVAL %(wait)s SECOND
WHERE id = %(id)s

-- name: webhook_rest
-- Notes how a receiver answered last, and lets it rest for %(wait)s seconds.
UPDATE webhooks
SET failures = %(failures)s, problem = %(problem)s, due_at = UTC_TIMESTAMP(6) + INTERVAL %(wait)s SECOND
WHERE name = %(name)s

-- name: webhook_events
-- Reads events, the newest first, of one receiver and in one state where these are not NULL.
SELECT id, webhook, message, ban_id, state, attempts, created_at, due_at, told_at, problem, payload
FROM webhook_events
WHERE (%(webhook)s IS NULL OR webhook = %(webhook)s) AND (%(state)s IS NULL OR state = %(state)s)
ORDER BY id DESC
LIMIT %(limit)s

-- name: webhook_replay
-- Tells events of a receiver again: one by its webhook-id, or (NULL) all that are dead, or that were made from %(since)s
-- on (UTC).
UPDATE webhook_events
SET state = 'waiting', attempts = 0, told_at = NULL, due_at = UTC_TIMESTAMP(6)
WHERE webhook = %(webhook)s AND state <> 'waiting' AND (
    message = %(message)s
    OR (%(message)s IS NULL AND IF(%(since)s IS NULL, state = 'dead', created_at >= %(since)s))
)

-- name: webhook_prune
-- Removes events that were told more than %(days)s days ago, 1,000 at most.
DELETE FROM webhook_events WHERE state = 'told' AND told_at < UTC_TIMESTAMP(6) - INTERVAL %(days)s DAY LIMIT 1000
