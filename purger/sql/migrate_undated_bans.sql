-- Bans with a date that does not exist, such as 0000-00-00.
SELECT id
FROM bans
WHERE (lifted_at IS NOT NULL AND YEAR(lifted_at) * MONTH(lifted_at) * DAYOFMONTH(lifted_at) = 0)
    OR YEAR(banned_at) * MONTH(banned_at) * DAYOFMONTH(banned_at) = 0
