-- Adds the progress of later rebounds: each purge is sent again after some seconds, and once more after a minute.
-- A stalled thread of the edge could still store an image that the purge was to remove.
ALTER TABLE edges
    ADD COLUMN rebounded_later BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'all batches up to this one were sent again some seconds later',
    ADD COLUMN rebounded_last BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'all batches up to this one were sent again a minute later';
