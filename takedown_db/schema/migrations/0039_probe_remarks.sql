-- Adds a table for all about probes that proves nothing, so that each row of sightings is a result and has a leaf in the
-- signed log. prune_outbox_v2 is made again with it. A purger of version 0.1 still writes such rows to sightings, and
-- those of before the log stay there.
DROP PROCEDURE IF EXISTS prune_outbox_v2;
CREATE TABLE IF NOT EXISTS probe_remarks (
    edge VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'edges.name',
    invalidation BIGINT UNSIGNED NOT NULL COMMENT 'invalidations.id',
    code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'as in sightings',
    removed INT UNSIGNED NULL COMMENT 'objects that Varnish says it removed',
    status SMALLINT UNSIGNED NULL COMMENT 'HTTP status of the last answer that proved nothing',
    note VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'why nothing is proven yet',
    PRIMARY KEY (edge, invalidation, code)
) ENGINE = InnoDB COMMENT 'Remarks on purges and probes: no evidence';
INSERT IGNORE INTO probe_remarks (edge, invalidation, code, removed, status, note)
SELECT edge, invalidation, code, removed, IF(seen_at IS NULL, status, NULL), IF(seen_at IS NULL, note, NULL)
FROM sightings
WHERE (removed IS NOT NULL OR seen_at IS NULL) AND EXISTS (SELECT 1 FROM log_state WHERE batch IS NOT NULL);
UPDATE sightings SET removed = NULL
WHERE removed IS NOT NULL AND EXISTS (SELECT 1 FROM log_state WHERE batch IS NOT NULL);
DELETE FROM sightings WHERE seen_at IS NULL AND EXISTS (SELECT 1 FROM log_state WHERE batch IS NOT NULL);
