-- Statements by which purgers record that they are running.

-- name: sign_presence
-- Records that a purger runs, since %(seconds)s seconds ago.
INSERT INTO purgers (id, host, pid, version, since, seen_at)
VALUES (%(id)s, %(host)s, %(pid)s, %(version)s, UTC_TIMESTAMP(3) - INTERVAL %(seconds)s SECOND, UTC_TIMESTAMP(3))
ON DUPLICATE KEY UPDATE seen_at = VALUES(seen_at)

-- name: end_presence
-- Deletes a purger's row when it stops.
DELETE FROM purgers WHERE id = %(id)s

-- name: forget_purgers
-- Deletes the rows of purgers that were killed, after a day.
DELETE FROM purgers WHERE seen_at < UTC_TIMESTAMP(3) - INTERVAL 1 DAY

-- name: purgers_present
-- Reads the purgers that signed within the last day, the latest first, with the seconds since then by the database's
-- clock.
SELECT host, pid, version, since, seen_at, TIMESTAMPDIFF(MICROSECOND, seen_at, UTC_TIMESTAMP(3)) / 1e6 AS seconds_ago
FROM purgers
WHERE seen_at > UTC_TIMESTAMP(3) - INTERVAL 1 DAY
ORDER BY seen_at DESC, id
