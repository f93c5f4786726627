-- The bans on a code and on its owner.
SELECT id, scope, subject, reason, banned_by, banned_at, lifted_at
FROM bans
WHERE scope = 'image' AND subject = %(code)s
UNION ALL
SELECT id, scope, subject, reason, banned_by, banned_at, lifted_at
FROM bans
WHERE scope = 'owner' AND subject = %(owner)s
ORDER BY id
