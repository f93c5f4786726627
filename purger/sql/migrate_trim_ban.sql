INSERT INTO bans (scope, subject, reason, banned_by, banned_at, lifted_at)
SELECT RTRIM(scope), RTRIM(subject), reason, banned_by, banned_at, lifted_at
FROM bans
WHERE id = %(id)s
