-- Keeps how far the rebounds have come that are sent seconds later, for what a stalled thread of the edge could still bring.
ALTER TABLE edges
    ADD COLUMN rebounded_later BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'all batches up to this one were sent again some seconds later',
    ADD COLUMN rebounded_last BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'all batches up to this one were sent again a minute later';
