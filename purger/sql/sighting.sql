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
