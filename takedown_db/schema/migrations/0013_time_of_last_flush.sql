-- Adds the time of each edge's last flush, requested or not: its rebounds remove only objects that were fetched before.
ALTER TABLE edges ADD COLUMN flushed_at DATETIME(3) NULL COMMENT 'UTC, the edge''s clock; its last flush';
