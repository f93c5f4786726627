-- Brings a database with the 39 migrations of before the first release to the first released schema. Goes with that
-- release's successor: see unreleased.py.
--
-- The new routines and triggers have other names. `purger migrate` makes them, and then drops the old triggers.
DROP PROCEDURE IF EXISTS acknowledgements_v2;
DROP PROCEDURE IF EXISTS append_leaves;
DROP PROCEDURE IF EXISTS append_leaves_v3;
DROP PROCEDURE IF EXISTS delivery_v1;
DROP PROCEDURE IF EXISTS hiding_bans_v2;
DROP PROCEDURE IF EXISTS number_invalidations_v1;
DROP PROCEDURE IF EXISTS number_invalidations_v3;
DROP PROCEDURE IF EXISTS original_digest;
DROP PROCEDURE IF EXISTS original_digest_v2;
DROP PROCEDURE IF EXISTS pick_invalidations_v2;
DROP PROCEDURE IF EXISTS prune_leaves_chosen_v1;
DROP PROCEDURE IF EXISTS prune_leaves_v1;
DROP PROCEDURE IF EXISTS prune_outbox_v2;
DROP PROCEDURE IF EXISTS remove_malformed_v2;
DROP PROCEDURE IF EXISTS share_edges_v1;
DROP PROCEDURE IF EXISTS standing_hooks_v1;
DROP PROCEDURE IF EXISTS standing_triggers_v1;
DROP PROCEDURE IF EXISTS standing_triggers_v2;
DROP PROCEDURE IF EXISTS subjects_images_v2;
DROP PROCEDURE IF EXISTS subjects_known_v2;
DROP PROCEDURE IF EXISTS take_invalidations_v3;
DROP PROCEDURE IF EXISTS unwritten_ban_v2;

-- Purgers that shared no edges.
DELETE FROM purgers WHERE beat IS NULL;
ALTER TABLE purgers MODIFY beat BIGINT UNSIGNED NOT NULL COMMENT 'number of signatures so far';

-- Changes a table unless it has this column, or this constraint. MySQL has no ADD COLUMN IF NOT EXISTS.
DROP PROCEDURE IF EXISTS change_unless;
DELIMITER //
CREATE PROCEDURE change_unless(IN p_table VARCHAR(64), IN p_name VARCHAR(64), IN p_change TEXT)
BEGIN
    IF NOT EXISTS (
        SELECT 1
        FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = p_table AND COLUMN_NAME = p_name
    ) AND NOT EXISTS (
        SELECT 1
        FROM information_schema.TABLE_CONSTRAINTS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = p_table AND CONSTRAINT_NAME = p_name
    ) THEN
        SET @change = p_change;
        PREPARE change_table FROM @change;
        EXECUTE change_table;
        DEALLOCATE PREPARE change_table;
    END IF;
END//
DELIMITER ;

CALL change_unless('edges', 'lease',
    'ALTER TABLE edges ADD COLUMN lease DOUBLE NULL COMMENT ''seconds for which it trusts its cache after a heartbeat, as it last said; 0: it never stops'' AFTER epoch');
CALL change_unless('edges', 'served_code',
    'ALTER TABLE edges
    ADD COLUMN flush_done_at DATETIME(6) NULL COMMENT ''UTC, the database''''s clock; when that was recorded'' AFTER flush_done,
    ADD COLUMN served_code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT ''the last removed image that a probe still got, for which the edge was to be flushed'' AFTER flush_done_at,
    ADD COLUMN served_at DATETIME(6) NULL COMMENT ''UTC; when that flush was asked for'' AFTER served_code');
CALL change_unless('sightings', 'flushed_at',
    'ALTER TABLE sightings ADD COLUMN flushed_at DATETIME(6) NULL COMMENT ''UTC; when the edge was flushed between the last probe that got the image and this one'' AFTER images');
CALL change_unless('batches', 'redated_at',
    'ALTER TABLE batches ADD COLUMN redated_at DATETIME(6) NULL COMMENT ''UTC; when `purger redate` found numbered_at in the future''');
CALL change_unless('purgers', 'clock',
    'ALTER TABLE purgers ADD COLUMN clock DATETIME(3) NULL COMMENT ''UTC, the purger''''s own clock at its last signature''');

CALL change_unless('bans', 'lifted_by',
    'ALTER TABLE bans ADD COLUMN lifted_by VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT ''NULL exactly where lifted_at is, as lift_reason'' AFTER lifted_at, ADD COLUMN lift_reason VARCHAR(255) CHARACTER SET utf8mb4 NULL AFTER lifted_by');
CALL change_unless('moderation_log', 'lifted_by',
    'ALTER TABLE moderation_log ADD COLUMN lifted_by VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT ''bans.lifted_by, likewise'' AFTER lifted_at, ADD COLUMN lift_reason VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT ''bans.lift_reason, likewise'' AFTER lifted_by, MODIFY detail VARCHAR(8192) CHARACTER SET utf8mb4 NULL COMMENT ''change: the values before, as JSON; move: where to''');
CALL change_unless('hooks', 'lifts_deleted',
    'ALTER TABLE hooks
    ADD COLUMN lifts_deleted BOOLEAN NOT NULL DEFAULT FALSE COMMENT ''a deleted row lifts the hook''''s bans of its subject'' AFTER bans_deleted,
    ADD COLUMN purges_renamed BOOLEAN NOT NULL DEFAULT FALSE COMMENT ''a row that gets another subject purges the former one'' AFTER lifts_deleted');

-- The signed log: what nobody has signed goes, and its rows come into the log again.
CALL change_unless('log_entries', 'removal',
    'ALTER TABLE log_entries ADD COLUMN removal BOOLEAN NOT NULL DEFAULT FALSE COMMENT ''it records what prune_leaves or an administrator removed from leaves''');
DELETE FROM log_entries WHERE INSTR(content, '"kind":"key"') > 0;
UPDATE log_entries SET removal = TRUE WHERE INSTR(content, '"kind":"erased"') > 0 OR INSTR(content, '"kind":"pruned"') > 0;
CALL change_unless('log_entries', 'log_entries_content_is_of_its_kind',
    'ALTER TABLE log_entries ADD CONSTRAINT log_entries_content_is_of_its_kind CHECK (COALESCE(
        JSON_UNQUOTE(JSON_EXTRACT(CONVERT(content USING utf8mb4), ''$.kind'')), '''')
        IN (IF(removal, ''erased'', ''acknowledged''), IF(removal, ''pruned'', ''seen'')))');
SET @signed = (SELECT COALESCE(MAX(size), 0) FROM log_checkpoints);
DELETE FROM log_leaves WHERE leaf >= @signed;
DELETE FROM log_events WHERE leaf >= @signed;
DELETE FROM log_nodes WHERE (position + 1) << level > @signed;
CALL change_unless('log_state', 'begun',
    'ALTER TABLE log_state DROP COLUMN peaks, DROP COLUMN event, DROP COLUMN edges,
        CHANGE COLUMN batch begun BIGINT UNSIGNED NULL COMMENT ''the last batch before the log; NULL: the log has not begun''');
UPDATE log_state
SET size = @signed,
    begun = IF(@signed, COALESCE((SELECT MIN(source) - 1 FROM log_leaves WHERE kind = 'batch'), begun), NULL);

-- Acknowledgements and probes of before had a leaf each: an audit names them, and a new log begins with a new key.
ALTER TABLE log_entries
    MODIFY openings MEDIUMBLOB NULL COMMENT 'values and salts of its commitments, as JSON; or its receipts, compressed';
ALTER TABLE log_leaves
    MODIFY openings MEDIUMBLOB NULL COMMENT 'values and salts of its commitments, as JSON, or its receipts, compressed; NULL: erased or none';

-- Rows that numbering changes where they are, and whose subjects are checked by a trigger.
SET @change = IF(
    EXISTS (
        SELECT 1
        FROM information_schema.TABLE_CONSTRAINTS
        WHERE TABLE_SCHEMA = DATABASE() AND CONSTRAINT_NAME = 'invalidations_subject_is_1_to_64_of_letters_digits_underscore'
    ),
    'ALTER TABLE invalidations DROP CONSTRAINT invalidations_subject_is_1_to_64_of_letters_digits_underscore, ROW_FORMAT = REDUNDANT',
    'DO 0'
);
PREPARE change_table FROM @change;
EXECUTE change_table;

-- No receipt is by a ban of Varnish any more.
ALTER TABLE receipts
    MODIFY method VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'purge or flush';

DROP PROCEDURE change_unless;

-- Probe results from before the signed log: those that proved nothing, and the counts of removed objects.
DELETE FROM sightings WHERE seen_at IS NULL OR gone IS NULL;
ALTER TABLE sightings
    MODIFY seen_at DATETIME(6) NOT NULL COMMENT 'UTC, the database''s clock',
    MODIFY gone BOOLEAN NOT NULL COMMENT 'what came was none of the image''s renditions',
    DROP COLUMN removed;
