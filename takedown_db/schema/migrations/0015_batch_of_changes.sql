-- Records the batch of each subject's last change: an edge keeps an answer only briefly while it lacks that batch.
ALTER TABLE changes ADD COLUMN batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of the latest change; 0: of before this column, or numbered by a purger of version 0.1';
