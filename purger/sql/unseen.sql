-- The newest bans that stand, in the batches after %(after)s up to %(last)s, of which nothing was seen at an edge yet.
-- %(hours)s: only those that were numbered so many hours ago at most; NULL: whenever. Of a bulk of lifted bans only the
-- newest 20,000 rows are searched.
SELECT event.id, event.batch, event.scope, event.subject, event.cause
FROM (
    SELECT id, batch, scope, subject, cause, ban_id
    FROM invalidations FORCE INDEX (batch)
    WHERE batch > %(after)s AND batch <= %(last)s
    ORDER BY batch DESC, id DESC
    LIMIT 20000
) AS event
JOIN batches ON batches.batch = event.batch
JOIN bans ON bans.id = event.ban_id AND bans.scope = event.scope AND bans.subject = event.subject AND bans.lifted_at IS NULL
LEFT JOIN sightings ON sightings.edge = %(edge)s AND sightings.invalidation = event.id AND sightings.code = ''
WHERE event.cause = 'ban' AND sightings.seen_at IS NULL
    AND (%(hours)s IS NULL OR batches.numbered_at > TIMESTAMPADD(HOUR, -%(hours)s, UTC_TIMESTAMP(6)))
ORDER BY event.batch DESC, event.id DESC
LIMIT %(limit)s
