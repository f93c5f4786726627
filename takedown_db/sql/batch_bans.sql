-- Statements by which a purger reads the bans of batches, for the lines of its log and for its metrics.

-- name: clock
-- Reads the database's clock, in seconds since 1970.
SELECT CAST(UNIX_TIMESTAMP(UTC_TIMESTAMP(6)) AS DOUBLE) AS now

-- name: batch_bans
-- Reads, for each batch after %(after)s up to %(last)s, %(limit)s of them at most, the number of its rows, and of its
-- bans and lifts; the first and the last id of these; and when the oldest of its bans was written (seconds since 1970).
SELECT
    batch,
    COUNT(*) AS size,
    CAST(SUM(cause IN ('ban', 'lift', 'unban')) AS UNSIGNED) AS changes,
    CAST(SUM(cause = 'ban') AS UNSIGNED) AS bans,
    MIN(ban_id) AS first_ban,
    MAX(ban_id) AS last_ban,
    CAST(UNIX_TIMESTAMP(MIN(IF(cause = 'ban', written_at, NULL))) AS DOUBLE) AS written
FROM invalidations FORCE INDEX (batch)
WHERE batch > %(after)s AND batch <= %(last)s
GROUP BY batch
ORDER BY batch
LIMIT %(limit)s

-- name: first_batch_since
-- Reads the first batch after %(after)s that was numbered at %(since)s (UTC) or later, or that an edge has still to
-- acknowledge: a call of a purger that is gone may have numbered it. NULL: there is none.
SELECT MIN(batch) AS first_batch
FROM batches
WHERE batch > %(after)s AND (
    numbered_at >= %(since)s
    OR batch > (SELECT MIN(acknowledged) FROM edges WHERE enabled AND instance IS NOT NULL)
)

-- name: rows_of_batches
-- Reads the bans and lifts of the batches in the JSON array %(batches)s.
SELECT STRAIGHT_JOIN
    invalidations.batch, invalidations.id, invalidations.ban_id, invalidations.cause, invalidations.scope,
    invalidations.subject
FROM JSON_TABLE(%(batches)s, '$[*]' COLUMNS (batch BIGINT UNSIGNED PATH '$')) AS asked
JOIN invalidations FORCE INDEX (batch) ON invalidations.batch = asked.batch
WHERE invalidations.cause IN ('ban', 'lift', 'unban')
ORDER BY invalidations.batch, invalidations.id

-- name: bans_of_rows
-- Reads the batches, the bans and the causes of the rows whose ids are in the JSON array %(ids)s, and when each was
-- written (seconds since 1970).
SELECT STRAIGHT_JOIN
    invalidations.id, invalidations.batch, invalidations.ban_id, invalidations.cause,
    CAST(UNIX_TIMESTAMP(invalidations.written_at) AS DOUBLE) AS written
FROM JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS asked
JOIN invalidations ON invalidations.id = asked.id

-- name: edges_since
-- Reads when each enabled edge was added (seconds since 1970).
SELECT name, CAST(UNIX_TIMESTAMP(added_at) AS DOUBLE) AS added FROM edges WHERE enabled
