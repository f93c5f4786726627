-- For the same rows of the outbox: each edge's first acknowledgement that covers it, and what was seen afterwards.
SELECT event.id, known.edge, receipts.acknowledged_at, receipts.instance, receipts.method,
    sightings.removed, sightings.seen_at, sightings.status, sightings.gone, sightings.note
FROM (
    SELECT id, batch
    FROM invalidations FORCE INDEX (subject)
    WHERE scope = %(scope)s AND subject = %(subject)s AND cause NOT IN ('image', 'rendition')
) AS event
CROSS JOIN (SELECT name AS edge FROM edges UNION SELECT DISTINCT edge FROM receipts) AS known
LEFT JOIN receipts
    ON receipts.edge = known.edge
    AND receipts.batch = (
        SELECT MIN(batch)
        FROM receipts AS covering
        WHERE covering.edge = known.edge AND covering.batch >= event.batch AND covering.first_batch <= event.batch
    )
LEFT JOIN sightings ON sightings.edge = known.edge AND sightings.invalidation = event.id
-- An edge that was removed or disabled is shown with what it acknowledged, and not blamed for the rest.
WHERE receipts.edge IS NOT NULL OR sightings.edge IS NOT NULL
    OR EXISTS (SELECT 1 FROM edges WHERE edges.name = known.edge AND edges.enabled)
ORDER BY event.id, known.edge
