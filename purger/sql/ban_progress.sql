-- Which enabled edges have acknowledged a ban, and what keeps the others from it.
SELECT edges.name, COALESCE(edges.acknowledged >= invalidations.batch, FALSE), edges.problem
FROM invalidations JOIN edges
WHERE invalidations.ban_id = %(ban)s AND invalidations.cause = 'ban' AND edges.enabled
ORDER BY edges.name
