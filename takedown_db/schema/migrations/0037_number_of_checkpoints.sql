-- Adds the number of signed states of the log, so that an audit misses those that were deleted. append_leaves_v3 keeps
-- leaves and their signed state at once; no released version calls append_leaves_v2.
--
-- A leaf tells now how far acts of moderation that caused no purge are in the log: the next one begins with the first.
DROP PROCEDURE IF EXISTS append_leaves_v2;
UPDATE log_state SET event = 0;
ALTER TABLE log_state ADD COLUMN checkpoints BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'number of signed states';
