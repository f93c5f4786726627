-- Keeps the batch of each subject's last change: an edge keeps only briefly what shows a change that it has not been told of.
ALTER TABLE changes ADD COLUMN batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of the latest change; 0: of before this column, or numbered by a purger of version 0.1';
