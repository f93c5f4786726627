-- Bans, the newest first: all, or those of one subject; with %(open)s those that stand.
SELECT id, scope, subject, reason, banned_by, banned_at, lifted_at
FROM bans
WHERE (%(scope)s IS NULL OR (scope = %(scope)s AND subject = %(subject)s)) AND (NOT %(open)s OR lifted_at IS NULL)
ORDER BY id DESC
LIMIT %(limit)s
