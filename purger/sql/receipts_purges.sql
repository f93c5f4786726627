-- What bans and lifts of a code or an owner, and resends, have put into the outbox, and when it got its number.
SELECT event.ban_id, event.id, event.cause, event.written_at, event.batch, batches.numbered_at
FROM (
    SELECT id, ban_id, cause, written_at, batch
    FROM invalidations FORCE INDEX (subject)
    WHERE scope = %(scope)s AND subject = %(subject)s AND cause NOT IN ('image', 'rendition')
) AS event
LEFT JOIN batches ON batches.batch = event.batch
ORDER BY event.id
