-- Statements of `purger hook` and of its part in `purger status`. {words} are replaced before the statement runs, by
-- quoted names, or by the site's own SQL in which each column is written as a column of NEW or OLD where it needs to be.

-- name: hook_list
-- Reads the hooks with their rules.
SELECT name, table_schema, table_name, scope, subject, hidden_when, reason, purged_when, bans_deleted,
    lifts_deleted, purges_renamed, lifts_inserted, purges_deleted
FROM hooks
ORDER BY name

-- name: hook_triggers
-- Reads the triggers that hooks were given, a row each.
SELECT hook, name, event, body FROM hook_triggers ORDER BY hook, name

-- name: hooks_and_triggers
-- Reads hooks, their triggers, and the triggers of hooked tables, in three results.
CALL present_hooks()

-- name: hook_database
-- Reads the name of the database of this connection.
SELECT DATABASE() AS name

-- name: hook_unlock
-- Releases the lock of migrations before the connection ends.
SELECT RELEASE_LOCK('edge_takedown_migrate') AS released

-- name: hook_tables
-- Reads the tables of a name in all databases but those of the server.
SELECT TABLE_SCHEMA AS in_schema, TABLE_NAME AS name, TABLE_TYPE AS kind, COALESCE(ENGINE, '') AS engine
FROM information_schema.TABLES
WHERE TABLE_NAME = %(table)s AND TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')

-- name: hook_sight
-- Reads nothing of a table that was not found: the error says whether the account may not see it. {table} is its name.
SELECT 1 FROM {table} LIMIT 0

-- name: hook_columns
-- Reads the names of a table's columns.
SELECT COLUMN_NAME AS name
FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = %(in_schema)s AND TABLE_NAME = %(table)s
ORDER BY ORDINAL_POSITION

-- name: hook_functions
-- Reads the functions that sites have stored, whose names a condition may contain.
SELECT ROUTINE_SCHEMA AS in_schema, ROUTINE_NAME AS name
FROM information_schema.ROUTINES
WHERE ROUTINE_TYPE = 'FUNCTION' AND ROUTINE_SCHEMA NOT IN ('mysql', 'sys')

-- name: hook_cascades
-- Reads the foreign keys by which another table changes or deletes rows of this one: no trigger sees that.
SELECT CONSTRAINT_NAME AS name, REFERENCED_TABLE_NAME AS other, UPDATE_RULE AS on_update, DELETE_RULE AS on_delete
FROM information_schema.REFERENTIAL_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = %(in_schema)s AND TABLE_NAME = %(table)s
    AND (UPDATE_RULE IN ('CASCADE', 'SET NULL') OR DELETE_RULE IN ('CASCADE', 'SET NULL'))

-- name: hook_present
-- Reads the triggers of hooks in a database.
SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS on_table, ACTION_STATEMENT AS body
FROM information_schema.TRIGGERS
WHERE TRIGGER_SCHEMA = %(in_schema)s AND TRIGGER_NAME LIKE 'takedown%%'

-- name: hook_try
-- Evaluates a rule for one row of the table, so that the server checks it.
SELECT ({when}) IS TRUE AS hidden, {subject} AS subject, {content} AS content FROM {table} LIMIT 1

-- name: hook_try_in_trigger
-- Evaluates a rule as the triggers write it. A column without NEW or OLD is ambiguous here, and so an error: in a
-- trigger it would be one at the site's first write.
SELECT
    ({new_when}) IS TRUE AS hidden, {new_subject} AS subject, {new_content} AS content,
    ({old_when}) IS TRUE AS hidden_before, {old_subject} AS former, {old_content} AS former_content
FROM {table} AS `NEW`, {table} AS `OLD`
LIMIT 1

-- name: hook_wrong_subjects
-- Reads subjects of another form than bans have, five at most: the hook would refuse each write of such a row.
SELECT CONVERT({subject} USING utf8mb4) AS subject
FROM {table}
WHERE ({subject}) IS NOT NULL
    AND (LENGTH(CONVERT({subject} USING utf8mb4)) NOT {lengths}
        OR CONVERT({subject} USING utf8mb4) COLLATE utf8mb4_bin REGEXP {strange})
LIMIT 5

-- name: hook_mode
-- Makes texts that do not fit an error, which a trigger remembers from its creation, and limits the wait in seconds for a
-- table that a transaction holds: the site's own statements wait behind it.
SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', lock_wait_timeout = 5

-- name: hook_grant
-- Lets the account of the triggers see the table. It may have triggers on any.
GRANT SELECT ON {table} TO 'takedown_hook'@'localhost'

-- name: hook_grant_function
-- Lets the account of the triggers call a function of the site's.
GRANT EXECUTE ON FUNCTION {function} TO 'takedown_hook'@'localhost'

-- name: hook_revoke
-- Takes the account of the triggers its rights on a table.
REVOKE SELECT ON {table} FROM 'takedown_hook'@'localhost'

-- name: hook_inserted
-- Bans a new row that is taken down. An earlier ban of the hook, as of a deleted row, makes way for it. A row whose
-- subject could not be banned is refused here, and not when it is taken down. v_key is the subject as bans have it: the
-- content that a digest names.
--
-- REPLACE and LOAD DATA REPLACE delete a row and insert another in one statement, which has one time. If the new row has
-- the subject of the deleted one, the ban of the deletion is lifted; if that was taken down, its ban.
CREATE DEFINER = 'takedown_hook'@'localhost' TRIGGER IF NOT EXISTS {trigger} AFTER INSERT ON {table} FOR EACH ROW
BEGIN
    DECLARE v_subject VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT {new_subject};
    DECLARE v_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin DEFAULT {subject_key};
    DECLARE v_hidden BOOLEAN DEFAULT ({new_when}) IS TRUE;
    IF LENGTH(v_subject) NOT {lengths} OR v_subject REGEXP {strange} THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = {refusal};
    END IF;
    IF v_subject IS NOT NULL AND ({inserted} OR {replaced} <=> CONCAT(UTC_TIMESTAMP(6), ' ', v_subject)) THEN
        UPDATE {database}.bans SET lifted_at = UTC_TIMESTAMP(3)
        WHERE scope = {scope} AND subject = v_key
            AND banned_by = {name} AND lifted_at IS NULL
            AND ({inserted} OR id = COALESCE({replaced_ban}, id));
    END IF;
    IF v_subject IS NOT NULL AND v_hidden THEN
        INSERT INTO {database}.bans (scope, subject, reason, banned_by) VALUES ({scope}, v_subject, {reason}, {name});
    END IF;
END

-- name: hook_updated
-- Bans a row that is taken down by an update, and lifts the hook's own bans of one that no longer is. A row that gets
-- another subject counts as deleted and inserted; or the former subject is only purged, if the row is shown before and
-- after. A row with new content is purged.
CREATE DEFINER = 'takedown_hook'@'localhost' TRIGGER IF NOT EXISTS {trigger} AFTER UPDATE ON {table} FOR EACH ROW
BEGIN
    DECLARE v_before VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT {old_subject};
    DECLARE v_key_before VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin DEFAULT {before_key};
    DECLARE v_subject VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT {new_subject};
    DECLARE v_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin DEFAULT {subject_key};
    DECLARE v_hidden_before BOOLEAN DEFAULT ({old_when}) IS TRUE;
    DECLARE v_hidden BOOLEAN DEFAULT ({new_when}) IS TRUE;
    DECLARE v_same BOOLEAN DEFAULT CAST(v_before AS BINARY) <=> CAST(v_subject AS BINARY);
    IF NOT v_same AND (LENGTH(v_subject) NOT {lengths} OR v_subject REGEXP {strange}) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = {refusal};
    END IF;
    IF NOT v_same AND v_before IS NOT NULL THEN
        IF {renamed} AND v_subject IS NOT NULL AND NOT v_hidden_before AND NOT v_hidden THEN
            INSERT INTO {database}.invalidations (scope, subject, cause) VALUES ({scope}, v_key_before, 'resend');
        ELSEIF {deleted} AND NOT v_hidden_before THEN
            INSERT INTO {database}.bans (scope, subject, reason, banned_by) VALUES ({scope}, v_before, 'deleted', {name});
        ELSEIF {lifting} THEN
            UPDATE {database}.bans SET lifted_at = UTC_TIMESTAMP(3)
            WHERE scope = {scope} AND subject = v_key_before
                AND banned_by = {name} AND lifted_at IS NULL;
        ELSEIF {purging} THEN
            INSERT INTO {database}.invalidations (scope, subject, cause) VALUES ({scope}, v_key_before, 'resend');
        END IF;
    END IF;
    IF v_same AND v_subject IS NOT NULL AND NOT CAST({old_content} AS BINARY) <=> CAST({new_content} AS BINARY) THEN
        INSERT INTO {database}.invalidations (scope, subject, cause) VALUES ({scope}, v_key, 'image');
    END IF;
    IF v_subject IS NOT NULL AND NOT (v_same AND v_hidden <=> v_hidden_before) THEN
        IF NOT v_same OR NOT v_hidden THEN
            UPDATE {database}.bans SET lifted_at = UTC_TIMESTAMP(3)
            WHERE scope = {scope} AND subject = v_key
                AND banned_by = {name} AND lifted_at IS NULL;
        END IF;
        IF v_hidden THEN
            INSERT INTO {database}.bans (scope, subject, reason, banned_by) VALUES ({scope}, v_subject, {reason}, {name});
        END IF;
    END IF;
END

-- name: hook_deleted
-- Bans or purges a row that is deleted and was not taken down before, or lifts the hook's bans of it; and notes its subject
-- and that ban for an INSERT of the same REPLACE (0: no ban; NULL: it was taken down).
CREATE DEFINER = 'takedown_hook'@'localhost' TRIGGER IF NOT EXISTS {trigger} AFTER DELETE ON {table} FOR EACH ROW
BEGIN
    DECLARE v_subject VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT {old_subject};
    DECLARE v_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin DEFAULT {subject_key};
    DECLARE v_hidden BOOLEAN DEFAULT ({old_when}) IS TRUE;
    SET {replaced} = CONCAT(UTC_TIMESTAMP(6), ' ', v_subject), {replaced_ban} = IF(v_hidden, NULL, 0);
    IF v_subject IS NOT NULL AND {deleted} AND NOT v_hidden THEN
        INSERT INTO {database}.bans (scope, subject, reason, banned_by) VALUES ({scope}, v_subject, 'deleted', {name});
        SET {replaced_ban} = LAST_INSERT_ID();
    ELSEIF v_subject IS NOT NULL AND {lifting} THEN
        UPDATE {database}.bans SET lifted_at = UTC_TIMESTAMP(3)
        WHERE scope = {scope} AND subject = v_key
            AND banned_by = {name} AND lifted_at IS NULL;
    ELSEIF v_subject IS NOT NULL AND {purging} THEN
        INSERT INTO {database}.invalidations (scope, subject, cause) VALUES ({scope}, v_key, 'image');
    END IF;
END

-- name: hook_bans
-- Bans the rows that were taken down before, and have no open ban of the hook.
INSERT INTO {database}.bans (scope, subject, reason, banned_by)
SELECT {scope}, found.subject, {reason}, {name}
FROM (
    SELECT subject, {found_key} AS content
    FROM (
        SELECT DISTINCT CONVERT({subject} USING utf8mb4) COLLATE utf8mb4_bin AS subject
        FROM {table}
        WHERE ({when}) AND ({subject}) IS NOT NULL
    ) AS distinct_rows
) AS found
LEFT JOIN {database}.bans AS known
    ON known.scope = {scope} AND known.subject = found.content
    AND known.banned_by = {name} AND known.lifted_at IS NULL
WHERE known.id IS NULL

-- name: hook_record
-- Records the rule of a hook, by which it can be applied again.
REPLACE INTO {database}.hooks
    (name, table_schema, table_name, scope, subject, hidden_when, reason, bans_deleted, lifts_deleted, purges_renamed,
    lifts_inserted, purges_deleted, purged_when)
VALUES ({name}, {schema_text}, {table_text}, {scope}, {subject_text}, {when_text}, {reason}, {deleted}, {lifting}, {renamed},
    {lifts_inserted}, {purging}, {content_text})

-- name: hook_forget_triggers
-- Deletes the record of a hook's triggers.
DELETE FROM {database}.hook_triggers WHERE hook = {name}

-- name: hook_record_trigger
-- Records a trigger of a hook as the server has it.
INSERT INTO {database}.hook_triggers (hook, name, event, body)
SELECT {name}, {trigger_text}, EVENT_MANIPULATION, ACTION_STATEMENT
FROM information_schema.TRIGGERS
WHERE TRIGGER_SCHEMA = {schema_text} AND TRIGGER_NAME = {trigger_text}

-- name: hook_drop_trigger
-- Drops a trigger of a hook.
DROP TRIGGER IF EXISTS {trigger}

-- name: hook_forget
-- Deletes the record of a hook.
DELETE FROM {database}.hooks WHERE name = {name}

-- name: hook_let_origin_read
-- Lets the origin read the columns by which a preset's rules find images.
GRANT SELECT ({columns}) ON {table} TO 'takedown_origin'@'%'

-- name: hook_indexed
-- Reads whether an index of a table begins with a column.
SELECT COUNT(*) AS found
FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = %(in_schema)s AND TABLE_NAME = %(table)s AND COLUMN_NAME = %(column)s AND SEQ_IN_INDEX = 1

-- name: hook_index
-- Gives a table of the site's an index, by which a preset's rules find images.
CREATE INDEX {name} ON {table} ({column})
