-- Adds to each edge the last flush that an operator asked for (`purger flush`), and the last that was carried out.
-- Requests have numbers, so that one which comes while another is carried out is not taken for done with it.
ALTER TABLE edges
    ADD COLUMN flush_asked BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the last request to empty the edge',
    ADD COLUMN flush_asked_by VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '' COMMENT 'who asked last',
    ADD COLUMN flush_done BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the last request that a flush has answered';
