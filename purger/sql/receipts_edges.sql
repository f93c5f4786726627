-- For one row of the outbox: each edge's first acknowledgement that covers its batch, and what was seen afterwards.
-- The batch is a parameter, as only then MIN takes one step in the index for each edge: for many rows at once it would
-- read all receipts of an edge for each.
SELECT known.edge, receipts.acknowledged_at, receipts.instance, receipts.method,
    sightings.removed, sightings.seen_at, sightings.status, sightings.gone, sightings.note
FROM (SELECT name AS edge FROM edges UNION SELECT DISTINCT edge FROM receipts) AS known
LEFT JOIN (SELECT edge, MIN(batch) AS batch FROM receipts WHERE batch >= %(batch)s GROUP BY edge) AS covering
    ON covering.edge = known.edge
LEFT JOIN receipts
    ON receipts.edge = covering.edge AND receipts.batch = covering.batch AND receipts.first_batch <= %(batch)s
LEFT JOIN sightings ON sightings.edge = known.edge AND sightings.invalidation = %(invalidation)s
-- An edge that was removed or disabled is shown with what it acknowledged, and not blamed for the rest.
WHERE receipts.edge IS NOT NULL OR sightings.edge IS NOT NULL
    OR EXISTS (SELECT 1 FROM edges WHERE edges.name = known.edge AND edges.enabled)
ORDER BY known.edge
