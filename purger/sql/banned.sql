-- Whether a code is banned, itself or through its owner.
SELECT
    EXISTS (SELECT 1 FROM bans WHERE scope = 'image' AND subject = %(code)s AND lifted_at IS NULL)
    OR EXISTS (
        SELECT 1
        FROM images JOIN bans ON bans.scope = 'owner' AND bans.subject = images.owner AND bans.lifted_at IS NULL
        WHERE images.code = %(code)s
    )
