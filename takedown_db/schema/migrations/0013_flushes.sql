-- When an edge was last emptied: late flushes, which follow it, remove no more than what was fetched before.
ALTER TABLE edges ADD COLUMN flushed_at DATETIME(3) NULL COMMENT 'UTC, the edge''s clock; its last flush';
