-- name: enabled_edges
-- Reads the enabled edges with their saved progress and the flush that is asked for.
SELECT name, purge_url, public_url, token_file, ca_file, certificate_file, key_file,
    instance, acknowledged, rebounded, rebounded_later, rebounded_last, triggers,
    CAST(UNIX_TIMESTAMP(epoch) AS DOUBLE), CAST(UNIX_TIMESTAMP(flushed_at) AS DOUBLE),
    IF(flush_asked > flush_done, flush_asked, NULL), flush_asked_by
FROM edges
WHERE enabled
ORDER BY name

-- name: edge_settings
-- Reads the settings of one edge.
SELECT name, purge_url, public_url, token_file, ca_file, certificate_file, key_file
FROM edges
WHERE name = %(name)s

-- name: list_edges
-- Lists all edges with their settings and state.
SELECT name, purge_url, public_url, token_file, enabled, instance, acknowledged, seen_at, epoch, problem,
    ca_file, certificate_file, key_file
FROM edges
ORDER BY name

-- name: add_edge
-- Adds an edge.
INSERT INTO edges (name, purge_url, public_url, token_file, ca_file, certificate_file, key_file)
VALUES (
    %(name)s, %(purge_url)s, %(public_url)s, %(token_file)s, %(ca_file)s, %(certificate_file)s, %(key_file)s
)

-- name: set_edge
-- Changes an edge's settings.
UPDATE edges
SET purge_url = %(purge_url)s, public_url = %(public_url)s, token_file = %(token_file)s, ca_file = %(ca_file)s,
    certificate_file = %(certificate_file)s, key_file = %(key_file)s
WHERE name = %(name)s

-- name: enable_edge
-- Enables or disables an edge.
UPDATE edges SET enabled = %(enabled)s WHERE name = %(name)s

-- name: remove_edge
-- Removes an edge.
DELETE FROM edges WHERE name = %(name)s

-- name: ask_flush
-- Asks for a flush. The number is larger than that of every flush that was carried out, whatever a backup has brought back.
UPDATE edges SET flush_asked = GREATEST(flush_asked, flush_done) + 1, flush_asked_by = %(by)s WHERE name = %(name)s

-- name: flush_requests
-- What is asked of each edge, and done.
SELECT name, enabled, flush_asked, flush_done, problem FROM edges ORDER BY name

-- name: record_flush_done
-- The answered request for a flush, of those that this database knows: one that was lost is asked for under the same number.
UPDATE edges
SET flush_done = GREATEST(flush_done, LEAST(flush_asked, %(flush_done)s))
WHERE name = %(name)s

-- name: record_progress
-- Progress goes only forward, unless it belongs to another instance than before or the edge was flushed. Its caller has cut
-- it to the last batch of this database. The instance is assigned last: what stands before compares it.
UPDATE edges
SET acknowledged = IF(instance <=> %(instance)s AND NOT %(flushed)s, GREATEST(acknowledged, %(acknowledged)s), %(acknowledged)s),
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
-- Records an edge's last heartbeat and its problem.
UPDATE edges
SET seen_at = COALESCE(%(seen_at)s, seen_at), epoch = COALESCE(%(epoch)s, epoch), problem = %(problem)s
WHERE name = %(name)s
