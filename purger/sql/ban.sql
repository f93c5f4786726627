INSERT INTO bans (scope, subject, reason, banned_by) VALUES (%(scope)s, %(subject)s, %(reason)s, %(banned_by)s)
