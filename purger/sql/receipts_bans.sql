-- The bans on a code or an owner that have a row.
SELECT id, reason, banned_by, banned_at, lifted_at
FROM bans
WHERE scope = %(scope)s AND subject = %(subject)s
ORDER BY id
