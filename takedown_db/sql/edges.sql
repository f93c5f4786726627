-- Statements on the table edges: settings, saved progress, liveness and requested flushes.

-- name: enabled_edges
-- Reads each enabled edge, or those that the purger %(purger)s has claimed, with the saved progress (batch numbers), the
-- times of the last heartbeat and of the last flush (seconds since 1970, the edge's clock), and the flush that an
-- operator asked for; NULL where none is open.
SELECT name, purge_url, public_url, token_file, ca_file, certificate_file, key_file,
    instance, acknowledged, rebounded, rebounded_later, rebounded_last, triggers,
    CAST(UNIX_TIMESTAMP(epoch) AS DOUBLE) AS epoch,
    CAST(UNIX_TIMESTAMP(flushed_at) AS DOUBLE) AS flushed_at,
    IF(flush_asked > flush_done, flush_asked, NULL) AS flush_asked,
    flush_asked_by
FROM edges
WHERE enabled AND (%(purger)s IS NULL OR purger = %(purger)s)
ORDER BY name

-- name: list_edges
-- Reads the settings and the saved state of all edges.
SELECT name, purge_url, public_url, token_file, enabled, instance, acknowledged, seen_at, epoch, problem,
    ca_file, certificate_file, key_file, purger, lease
FROM edges
ORDER BY name

-- name: add_edge
-- Adds an edge.
INSERT INTO edges (name, purge_url, public_url, token_file, ca_file, certificate_file, key_file)
VALUES (
    %(name)s, %(purge_url)s, %(public_url)s, %(token_file)s, %(ca_file)s, %(certificate_file)s, %(key_file)s
)

-- name: set_edge
-- Changes the settings of one edge.
UPDATE edges
SET purge_url = %(purge_url)s, public_url = %(public_url)s, token_file = %(token_file)s, ca_file = %(ca_file)s,
    certificate_file = %(certificate_file)s, key_file = %(key_file)s
WHERE name = %(name)s

-- name: enable_edge
-- Enables or disables one edge.
UPDATE edges SET enabled = %(enabled)s WHERE name = %(name)s

-- name: remove_edge
-- Removes one edge. Its receipts stay.
DELETE FROM edges WHERE name = %(name)s

-- name: ask_flush
-- Asks for a flush of one edge. Its number, a time in milliseconds at least, is larger than that of every flush that was
-- carried out, also after a restore from a backup, or after the edge was removed and added. %(served)s: the removed image
-- that a probe still got, or NULL.
UPDATE edges
SET flush_asked = GREATEST(flush_asked + 1, flush_done + 1, CAST(1000 * UNIX_TIMESTAMP(NOW(3)) AS UNSIGNED)),
    flush_asked_by = %(by)s,
    served_at = IF(%(served)s IS NULL, served_at, UTC_TIMESTAMP(6)),
    served_code = COALESCE(%(served)s, served_code)
WHERE name = %(name)s

-- name: flush_requests
-- Reads the number of the last flush that was asked of each edge, and that of the last one it carried out.
SELECT name, enabled, flush_asked, flush_done, problem FROM edges ORDER BY name

-- name: edges_that_served
-- Reads the enabled edges that still served a removed image within the last day: which one, when (UTC), and when they
-- were flushed since.
SELECT name, served_code, served_at, IF(flush_done_at > served_at, flush_done_at, NULL) AS flushed_at
FROM edges
WHERE enabled AND served_at > UTC_TIMESTAMP(6) - INTERVAL 1 DAY
ORDER BY name

-- name: lock_edges
-- Locks the edges whose names are in the JSON array %(names)s, in its order, and reads the purger that has claimed each.
-- Until the transaction ends no other purger can claim them: see claim_edges. DISTINCT keeps the array from being locked
-- as well, which MySQL refuses.
SELECT STRAIGHT_JOIN edges.name, edges.purger
FROM (
    SELECT DISTINCT name
    FROM JSON_TABLE(%(names)s, '$[*]' COLUMNS (name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS listed
) AS asked
JOIN edges ON edges.name = asked.name
FOR UPDATE

-- name: record_flushes_done
-- Records for each edge of the JSON array %(rows)s the number of the flush that it has carried out. Only up to the last
-- request that this database knows: after a restore from a backup, with the clock set back too, a lost request's number
-- can be given again.
UPDATE JSON_TABLE(%(rows)s, '$[*]' COLUMNS (
    name VARCHAR(64) PATH '$.name', flush_done BIGINT UNSIGNED PATH '$.flush_done')) AS written
STRAIGHT_JOIN edges ON edges.name = CONVERT(written.name USING ascii) COLLATE ascii_bin
SET edges.flush_done = GREATEST(edges.flush_done, LEAST(edges.flush_asked, written.flush_done))

-- name: record_progress
-- Records for each edge of the JSON array %(rows)s its progress, in batch numbers. It only moves forward, unless it
-- belongs to another instance than before or the edge was flushed. The caller has limited it to the last batch of this
-- database. The former row is joined as well, since the order of assignments is undefined with several tables.
UPDATE JSON_TABLE(%(rows)s, '$[*]' COLUMNS (
    name VARCHAR(64) PATH '$.name', instance VARCHAR(64) PATH '$.instance', flushed TINYINT PATH '$.flushed',
    acknowledged BIGINT UNSIGNED PATH '$.acknowledged', rebounded BIGINT UNSIGNED PATH '$.rebounded',
    rebounded_later BIGINT UNSIGNED PATH '$.rebounded_later', rebounded_last BIGINT UNSIGNED PATH '$.rebounded_last',
    flushed_at DATETIME(6) PATH '$.flushed_at', triggers VARCHAR(64) PATH '$.triggers',
    flush_done BIGINT UNSIGNED PATH '$.flush_done')) AS written
STRAIGHT_JOIN edges AS former ON former.name = CONVERT(written.name USING ascii) COLLATE ascii_bin
STRAIGHT_JOIN edges ON edges.name = former.name
SET edges.acknowledged = IF(
        former.instance <=> CONVERT(written.instance USING ascii) COLLATE ascii_bin AND NOT written.flushed,
        GREATEST(former.acknowledged, written.acknowledged), written.acknowledged
    ),
    edges.rebounded = IF(
        former.instance <=> CONVERT(written.instance USING ascii) COLLATE ascii_bin AND NOT written.flushed,
        GREATEST(former.rebounded, written.rebounded), written.rebounded
    ),
    edges.rebounded_later = IF(
        former.instance <=> CONVERT(written.instance USING ascii) COLLATE ascii_bin AND NOT written.flushed,
        GREATEST(former.rebounded_later, written.rebounded_later), written.rebounded_later
    ),
    edges.rebounded_last = IF(
        former.instance <=> CONVERT(written.instance USING ascii) COLLATE ascii_bin AND NOT written.flushed,
        GREATEST(former.rebounded_last, written.rebounded_last), written.rebounded_last
    ),
    edges.flushed_at = written.flushed_at,
    edges.triggers = written.triggers,
    edges.flush_done = GREATEST(former.flush_done, written.flush_done),
    edges.flush_done_at = IF(written.flush_done > former.flush_done, UTC_TIMESTAMP(6), former.flush_done_at),
    edges.instance = written.instance

-- name: record_liveness
-- Records for each edge of the JSON array %(rows)s the times of its last answer and of its last heartbeat, its
-- lease (null keeps the former ones), and its problem.
UPDATE JSON_TABLE(%(rows)s, '$[*]' COLUMNS (
    name VARCHAR(64) PATH '$.name', seen_at DATETIME(6) PATH '$.seen_at', epoch DATETIME(6) PATH '$.epoch',
    lease DOUBLE PATH '$.lease', problem VARCHAR(255) PATH '$.problem')) AS written
STRAIGHT_JOIN edges ON edges.name = CONVERT(written.name USING ascii) COLLATE ascii_bin
SET edges.seen_at = COALESCE(written.seen_at, edges.seen_at),
    edges.epoch = COALESCE(written.epoch, edges.epoch),
    edges.lease = COALESCE(written.lease, edges.lease),
    edges.problem = written.problem
