-- Records the batch of each subject's last change: while an edge lacks that batch, it keeps an answer only briefly.
ALTER TABLE changes ADD COLUMN batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of the latest change; an earlier one or 0 where a purger of version 0.1 numbered that';
