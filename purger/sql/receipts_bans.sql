-- The bans on a code or an owner that have a row. Dates as in bans.sql.
SELECT id, reason, banned_by,
    IF(YEAR(banned_at) * MONTH(banned_at) * DAYOFMONTH(banned_at) = 0, TIMESTAMP '1970-01-01 00:00:00', banned_at),
    IF(YEAR(lifted_at) * MONTH(lifted_at) * DAYOFMONTH(lifted_at) = 0, TIMESTAMP '1970-01-01 00:00:00', lifted_at)
FROM bans
WHERE scope = %(scope)s AND subject = %(subject)s
ORDER BY id
