-- For one row of the outbox: each edge's first acknowledgement that covers its batch, and what was seen afterwards: of the
-- subject as a whole, or (%(code)s) of one image of a banned owner; and how many other images of the owner were looked at.
-- The batch is a parameter, as only then MIN takes one step in the index for each edge: for many rows at once it would
-- read all receipts of an edge for each.
SELECT known.edge, receipts.acknowledged_at, receipts.instance, receipts.method,
    whole.removed, seen.seen_at, seen.status, seen.gone, seen.note, seen.looked, seen.images,
    (
        SELECT COUNT(*)
        FROM sightings AS other
        WHERE other.edge = known.edge AND other.invalidation = %(invalidation)s
            AND other.code NOT IN ('', %(code)s) AND other.seen_at IS NOT NULL
    ) AS others,
    whole.seen_at, whole.note
FROM (SELECT name AS edge FROM edges UNION SELECT DISTINCT edge FROM receipts) AS known
LEFT JOIN (SELECT edge, MIN(batch) AS batch FROM receipts WHERE batch >= %(batch)s GROUP BY edge) AS covering
    ON covering.edge = known.edge
LEFT JOIN receipts
    ON receipts.edge = covering.edge AND receipts.batch = covering.batch AND receipts.first_batch <= %(batch)s
LEFT JOIN sightings AS whole ON whole.edge = known.edge AND whole.invalidation = %(invalidation)s AND whole.code = ''
LEFT JOIN sightings AS seen ON seen.edge = known.edge AND seen.invalidation = %(invalidation)s AND seen.code = %(code)s
-- An edge that was removed or disabled is shown with what it acknowledged, and not blamed for the rest.
WHERE receipts.edge IS NOT NULL OR whole.edge IS NOT NULL OR seen.edge IS NOT NULL
    OR EXISTS (SELECT 1 FROM edges WHERE edges.name = known.edge AND edges.enabled)
ORDER BY known.edge
