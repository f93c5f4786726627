-- Adds the batch of each act of moderation in the signed log, by which its leaf is found when the batch is pruned.
-- append_leaves_v2 fills it. No released version calls append_leaves_v1.
DROP PROCEDURE IF EXISTS append_leaves_v1;
CREATE TABLE IF NOT EXISTS log_events (
    leaf BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'log_leaves.leaf, of the kind event',
    batch BIGINT UNSIGNED NOT NULL,
    KEY batch (batch)
) ENGINE = InnoDB COMMENT 'The acts of moderation that each batch has told the edges of';
