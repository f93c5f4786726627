-- What the log tells of bans on a code or an owner, deleted ones too.
SELECT ban_id, id, action, logged_at, account, reason, banned_by, detail, invalidation
FROM moderation_log FORCE INDEX (subject)
WHERE scope = %(scope)s AND subject = %(subject)s AND ban_id IS NOT NULL
ORDER BY id
