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

-- name: edge_settings
-- Reads the settings of one edge.
SELECT name, purge_url, public_url, token_file, ca_file, certificate_file, key_file
FROM edges
WHERE name = %(name)s

-- name: list_edges
-- Reads the settings and the saved state of all edges.
SELECT name, purge_url, public_url, token_file, enabled, instance, acknowledged, seen_at, epoch, problem,
    ca_file, certificate_file, key_file, purger
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
-- carried out, also after a restore from a backup, or after the edge was removed and added.
UPDATE edges
SET flush_asked = GREATEST(flush_asked + 1, flush_done + 1, CAST(1000 * UNIX_TIMESTAMP(NOW(3)) AS UNSIGNED)),
    flush_asked_by = %(by)s
WHERE name = %(name)s

-- name: flush_requests
-- Reads the number of the last flush that was asked of each edge, and that of the last one it carried out.
SELECT name, enabled, flush_asked, flush_done, problem FROM edges ORDER BY name

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

-- name: record_flush_done
-- Records the number of the flush that an edge has carried out. Only up to the last request that this database knows:
-- after a restore from a backup, with the clock set back too, a lost request's number can be given again.
UPDATE edges
SET flush_done = GREATEST(flush_done, LEAST(flush_asked, %(flush_done)s))
WHERE name = %(name)s

-- name: record_progress
-- Records an edge's progress, in batch numbers. It only moves forward, unless it belongs to another instance than
-- before or the edge was flushed. The caller has limited it to the last batch of this database. The instance is
-- assigned last, since the assignments before compare it.
UPDATE edges
SET acknowledged = IF(
        instance <=> %(instance)s AND NOT %(flushed)s, GREATEST(acknowledged, %(acknowledged)s), %(acknowledged)s
    ),
    rebounded = IF(instance <=> %(instance)s AND NOT %(flushed)s, GREATEST(rebounded, %(rebounded)s), %(rebounded)s),
    rebounded_later = IF(
        instance <=> %(instance)s AND NOT %(flushed)s,
        GREATEST(rebounded_later, %(rebounded_later)s), %(rebounded_later)s
    ),
    rebounded_last = IF(
        instance <=> %(instance)s AND NOT %(flushed)s,
        GREATEST(rebounded_last, %(rebounded_last)s), %(rebounded_last)s
    ),
    flushed_at = %(flushed_at)s,
    triggers = %(triggers)s,
    flush_done = GREATEST(flush_done, %(flush_done)s),
    instance = %(instance)s
WHERE name = %(name)s

-- name: record_liveness
-- Records the times of an edge's last answer and of its last heartbeat (NULL keeps the former ones), and its problem.
UPDATE edges
SET seen_at = COALESCE(%(seen_at)s, seen_at), epoch = COALESCE(%(epoch)s, epoch), problem = %(problem)s
WHERE name = %(name)s
