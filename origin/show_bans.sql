-- The bans that keep a code away: its own and, where it has an image, those of its owner. Who banned it and why is not
-- for the account that serves.
SELECT id, scope, subject, banned_at
FROM bans
WHERE scope = 'image' AND subject = %(code)s AND lifted_at IS NULL
UNION ALL
SELECT bans.id, bans.scope, bans.subject, bans.banned_at
FROM images STRAIGHT_JOIN bans ON bans.scope = 'owner' AND bans.subject = images.owner AND bans.lifted_at IS NULL
WHERE images.code = %(code)s
ORDER BY id
