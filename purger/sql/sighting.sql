-- What was removed and what was seen come one after the other; of each the first stays. A note gives way to a later one,
-- and to what is seen at last.
INSERT INTO sightings (edge, invalidation, removed, seen_at, status, gone, note)
VALUES (%(edge)s, %(invalidation)s, %(removed)s, %(at)s, %(status)s, %(gone)s, %(note)s)
ON DUPLICATE KEY UPDATE
    removed = COALESCE(removed, VALUES(removed)),
    status = IF(seen_at IS NULL, VALUES(status), status),
    gone = IF(seen_at IS NULL, VALUES(gone), gone),
    note = IF(seen_at IS NULL AND VALUES(seen_at) IS NULL, COALESCE(VALUES(note), note), NULL),
    seen_at = COALESCE(seen_at, VALUES(seen_at))
