-- Statements by which purgers record that they are running, and share the edges.

-- name: share_edges
-- Signs that a purger runs, since %(seconds)s seconds ago, and what its own clock says (UTC); reads all purgers, and the claims of edges.
CALL share_edges(%(id)s, %(host)s, %(pid)s, %(version)s, %(seconds)s, %(clock)s)

-- name: claim_edges
-- Claims edges for a purger: each of the JSON array %(moves)s of [name, former purger] that still has this former one.
-- Rows are locked in the order of the array, as in lock_edges: both are sorted by name, so that there is no deadlock.
UPDATE JSON_TABLE(%(moves)s, '$[*]' COLUMNS (
    name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
    former VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]'
)) AS moves
STRAIGHT_JOIN edges ON edges.name = moves.name
SET edges.purger = %(purger)s
WHERE edges.enabled AND edges.purger <=> moves.former

-- name: release_edges
-- Gives all edges of a purger back.
UPDATE edges SET purger = NULL WHERE purger = %(purger)s

-- name: end_presence
-- Deletes a purger's row when it stops.
DELETE FROM purgers WHERE id = %(id)s

-- name: forget_purgers
-- Deletes the rows of purgers that were killed, after a day.
DELETE FROM purgers WHERE seen_at < UTC_TIMESTAMP(3) - INTERVAL 1 DAY

-- name: purgers_present
-- Reads the purgers that signed within the last day, the latest first, with the seconds since then by the database's
-- clock, and the seconds by which its own clock was ahead.
SELECT host, pid, version, since, seen_at, TIMESTAMPDIFF(MICROSECOND, seen_at, UTC_TIMESTAMP(3)) / 1e6 AS seconds_ago, id,
    CAST(TIMESTAMPDIFF(MICROSECOND, seen_at, clock) / 1e6 AS DOUBLE) AS clock_lead
FROM purgers
WHERE seen_at > UTC_TIMESTAMP(3) - INTERVAL 1 DAY
ORDER BY seen_at DESC, id
