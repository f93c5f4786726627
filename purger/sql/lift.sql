UPDATE bans
SET lifted_at = UTC_TIMESTAMP(3)
WHERE scope = %(scope)s AND subject = %(subject)s AND lifted_at IS NULL
