-- What bans and lifts of a code or its owner have put into the outbox, and when it got its number.
SELECT event.id, event.ban_id, event.scope, event.subject, event.cause, event.written_at, event.batch, batches.numbered_at
FROM (
    SELECT id, ban_id, scope, subject, cause, written_at, batch
    FROM invalidations FORCE INDEX (subject)
    WHERE scope = 'image' AND subject = %(code)s AND cause NOT IN ('image', 'rendition')
    UNION ALL
    SELECT id, ban_id, scope, subject, cause, written_at, batch
    FROM invalidations FORCE INDEX (subject)
    WHERE scope = 'owner' AND subject = %(owner)s
) AS event
LEFT JOIN batches ON batches.batch = event.batch
ORDER BY event.id
