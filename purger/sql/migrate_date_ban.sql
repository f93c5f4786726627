-- The first date there is in the place of one that does not exist. Whether the ban stands stays as it is.
UPDATE bans
SET banned_at = IF(YEAR(banned_at) * MONTH(banned_at) * DAYOFMONTH(banned_at) = 0, TIMESTAMP '1970-01-01 00:00:00', banned_at),
    lifted_at = IF(YEAR(lifted_at) * MONTH(lifted_at) * DAYOFMONTH(lifted_at) = 0, TIMESTAMP '1970-01-01 00:00:00', lifted_at)
WHERE id = %(id)s
