-- What was removed and what was seen come one after the other; of each the first stays.
INSERT INTO sightings (edge, invalidation, removed, seen_at, status, gone)
VALUES (%(edge)s, %(invalidation)s, %(removed)s, %(at)s, %(status)s, %(gone)s)
ON DUPLICATE KEY UPDATE
    removed = COALESCE(removed, VALUES(removed)),
    status = IF(seen_at IS NULL, VALUES(status), status),
    gone = IF(seen_at IS NULL, VALUES(gone), gone),
    seen_at = COALESCE(seen_at, VALUES(seen_at))
