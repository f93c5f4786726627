-- What was removed and what was seen come one after the other; of each the first stays. A note gives way to a later one,
-- and to what is seen at last. An image that was still there and is gone at a later look: the note keeps the first look.
-- Assignments go from left to right: gone stays as it was until the others are made.
INSERT INTO sightings (edge, invalidation, removed, seen_at, status, gone, note)
VALUES (%(edge)s, %(invalidation)s, %(removed)s, %(at)s, %(status)s, %(gone)s, %(note)s)
ON DUPLICATE KEY UPDATE
    removed = COALESCE(removed, VALUES(removed)),
    note = CASE
        WHEN gone = 0 AND VALUES(gone) = 1 THEN CONCAT('still there (', status, ') at ', seen_at)
        WHEN seen_at IS NOT NULL THEN note
        WHEN VALUES(seen_at) IS NULL THEN COALESCE(VALUES(note), note)
    END,
    status = IF(seen_at IS NULL OR (gone = 0 AND VALUES(gone) = 1), VALUES(status), status),
    seen_at = IF(seen_at IS NULL OR (gone = 0 AND VALUES(gone) = 1), VALUES(seen_at), seen_at),
    gone = GREATEST(COALESCE(gone, VALUES(gone)), COALESCE(VALUES(gone), gone))
