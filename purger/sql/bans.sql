-- Bans, the newest first: all, or those of one subject; with %(open)s those that stand. A date that does not exist, as 0.1
-- let in, is the first there is: the driver would make NULL of it, and lifted_at NULL means that a ban stands.
SELECT id, scope, subject, reason, banned_by,
    IF(YEAR(banned_at) * MONTH(banned_at) * DAYOFMONTH(banned_at) = 0, TIMESTAMP '1970-01-01 00:00:00', banned_at),
    IF(YEAR(lifted_at) * MONTH(lifted_at) * DAYOFMONTH(lifted_at) = 0, TIMESTAMP '1970-01-01 00:00:00', lifted_at)
FROM bans
WHERE (%(scope)s IS NULL OR (scope = %(scope)s AND subject = %(subject)s)) AND (NOT %(open)s OR lifted_at IS NULL)
ORDER BY id DESC
LIMIT %(limit)s
