-- name: sign_presence
-- %(seconds)s: for how long the purger has been running.
INSERT INTO purgers (id, host, pid, version, since, seen_at)
VALUES (%(id)s, %(host)s, %(pid)s, %(version)s, UTC_TIMESTAMP(3) - INTERVAL %(seconds)s SECOND, UTC_TIMESTAMP(3))
ON DUPLICATE KEY UPDATE seen_at = VALUES(seen_at)

-- name: end_presence
-- Removes a purger's row when it stops.
DELETE FROM purgers WHERE id = %(id)s

-- name: forget_purgers
-- Purgers that were killed leave their row behind.
DELETE FROM purgers WHERE seen_at < UTC_TIMESTAMP(3) - INTERVAL 1 DAY

-- name: purgers_present
-- Who has signed within the last day, the latest first; the seconds since by the clock that signed.
SELECT host, pid, version, since, seen_at, TIMESTAMPDIFF(MICROSECOND, seen_at, UTC_TIMESTAMP(3)) / 1e6
FROM purgers
WHERE seen_at > UTC_TIMESTAMP(3) - INTERVAL 1 DAY
ORDER BY seen_at DESC, id
