-- The owners that an image has left, or that lost it, in this order.
SELECT owner, logged_at, account, detail
FROM moderation_log FORCE INDEX (subject)
WHERE scope = 'image' AND subject = %(code)s AND action = 'move'
ORDER BY id
