-- The bans that keep a code away: its own and, where it has an image, those of its owner.
SELECT id, scope, subject, reason, banned_by, banned_at
FROM bans
WHERE scope = 'image' AND subject = %(code)s AND lifted_at IS NULL
UNION ALL
SELECT bans.id, bans.scope, bans.subject, bans.reason, bans.banned_by, bans.banned_at
FROM images STRAIGHT_JOIN bans ON bans.scope = 'owner' AND bans.subject = images.owner AND bans.lifted_at IS NULL
WHERE images.code = %(code)s
ORDER BY id
