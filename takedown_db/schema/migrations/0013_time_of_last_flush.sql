-- Records the time of an edge's last flush: its rebounds remove only objects that were fetched before.
ALTER TABLE edges ADD COLUMN flushed_at DATETIME(3) NULL COMMENT 'UTC, the edge''s clock; its last flush';
