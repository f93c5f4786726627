-- %(seconds)s: for how long the purger has been running.
INSERT INTO purgers (id, host, pid, version, since, seen_at)
VALUES (%(id)s, %(host)s, %(pid)s, %(version)s, UTC_TIMESTAMP(3) - INTERVAL %(seconds)s SECOND, UTC_TIMESTAMP(3))
ON DUPLICATE KEY UPDATE seen_at = VALUES(seen_at)
