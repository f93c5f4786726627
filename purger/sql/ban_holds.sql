-- Whether the ban behind a row of the outbox still stands (a row without a ban, a resend: whether the code is banned at
-- all), and whether something was written after the row that could show the code at an edge by right in between.
SELECT
    CASE
        WHEN event.ban_id IS NOT NULL THEN EXISTS (
            SELECT 1
            FROM bans
            WHERE id = event.ban_id AND scope = event.scope AND subject = event.subject AND lifted_at IS NULL
        )
        ELSE EXISTS (SELECT 1 FROM bans WHERE scope = 'image' AND subject = %(code)s AND lifted_at IS NULL)
            OR EXISTS (
                SELECT 1
                FROM images JOIN bans ON bans.scope = 'owner' AND bans.subject = images.owner AND bans.lifted_at IS NULL
                WHERE images.code = %(code)s
            )
    END,
    EXISTS (SELECT 1 FROM invalidations AS later WHERE later.ban_id = event.ban_id AND later.id > event.id)
    OR (event.scope = 'owner' AND NOT EXISTS (SELECT 1 FROM images WHERE code = %(code)s AND owner = event.subject))
    OR ((event.scope = 'owner' OR event.ban_id IS NULL) AND EXISTS (
        SELECT 1
        FROM invalidations AS later FORCE INDEX (subject)
        WHERE later.scope = 'image' AND later.subject = %(code)s AND later.id > event.id
            AND (later.cause = 'image' OR (event.ban_id IS NULL AND later.cause <> 'resend'))
    ))
    OR (event.ban_id IS NULL AND EXISTS (
        SELECT 1
        FROM images STRAIGHT_JOIN invalidations AS later FORCE INDEX (subject)
            ON later.scope = 'owner' AND later.subject = images.owner AND later.id > event.id
        WHERE images.code = %(code)s
    ))
FROM invalidations AS event
WHERE event.id = %(invalidation)s
