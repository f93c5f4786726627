-- Creates the account of the triggers that hooks have on a site's tables, functions that they call, and the routine that
-- reads them.
-- `purger hook --apply` lets the account read a table. Nobody can log in with it, so that the site's own
-- accounts need no right on bans. A changed procedure gets a new name: see numbering_routines.sql.
CREATE USER IF NOT EXISTS 'takedown_hook'@'localhost' ACCOUNT LOCK;
GRANT SELECT (id, scope, subject, banned_by, lifted_at), INSERT (scope, subject, reason, banned_by), UPDATE (lifted_at)
    ON {database}.bans TO 'takedown_hook'@'localhost';
GRANT INSERT (scope, subject, cause) ON {database}.invalidations TO 'takedown_hook'@'localhost';
-- Shows it the triggers of all tables, so that `purger status` finds those that write bans and that nobody watches.
GRANT TRIGGER ON *.* TO 'takedown_hook'@'localhost';
GRANT SELECT ON {database}.hooks TO 'takedown_hook'@'localhost';
GRANT SELECT ON {database}.hook_triggers TO 'takedown_hook'@'localhost';

DELIMITER //

-- Reads the hooks, their triggers, and the triggers of the site's tables that have a hook's name or its account, or
-- write bans, also of tables that a site keeps in this database. The account of the purger sees no table of the site.
CREATE DEFINER = 'takedown_hook'@'localhost' PROCEDURE IF NOT EXISTS present_hooks()
    READS SQL DATA
BEGIN
    SELECT name, table_schema, table_name FROM hooks ORDER BY name;
    SELECT hook, name, event, body FROM hook_triggers ORDER BY hook, name;
    SELECT EVENT_OBJECT_SCHEMA AS table_schema, EVENT_OBJECT_TABLE AS table_name, TRIGGER_NAME AS name,
        ACTION_TIMING AS timing, EVENT_MANIPULATION AS event, DEFINER AS definer, ACTION_STATEMENT AS body
    FROM information_schema.TRIGGERS
    WHERE (EVENT_OBJECT_SCHEMA <> DATABASE() OR DEFINER <> 'takedown_definer@localhost') AND (
        TRIGGER_NAME LIKE 'takedown%' OR DEFINER = 'takedown_hook@localhost'
        OR LOWER(REPLACE(REPLACE(ACTION_STATEMENT, '`', ''), ' ', '')) LIKE CONCAT('%into', LOWER(DATABASE()), '.bans%')
        OR (EVENT_OBJECT_SCHEMA = DATABASE()
            AND LOWER(REPLACE(REPLACE(ACTION_STATEMENT, '`', ''), ' ', '')) LIKE '%intobans%'))
    ORDER BY EVENT_OBJECT_SCHEMA, TRIGGER_NAME;
END//

-- Returns the code of the image that was imported by a name, as takedown_base/name_codes.py does; NULL for an empty
-- name, by which nothing is imported.
CREATE DEFINER = 'takedown_definer'@'localhost' FUNCTION IF NOT EXISTS code_of_name(p_name TEXT CHARACTER SET utf8mb4)
    RETURNS VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin DETERMINISTIC NO SQL
RETURN CASE
    WHEN LENGTH(p_name) = 0 THEN NULL
    WHEN LENGTH(p_name) <= 64 AND p_name COLLATE utf8mb4_bin NOT REGEXP '[^A-Za-z0-9_-]' THEN p_name
    WHEN LENGTH(p_name) <= 48 THEN REPLACE(REPLACE(TRIM(TRAILING '=' FROM TO_BASE64(p_name)), '+', '-'), '/', '_')
    ELSE SHA2(p_name, 256)
END//

-- Returns the content of the original of a code; NULL: there is no image with this code, or none with an original.
CREATE DEFINER = 'takedown_definer'@'localhost' FUNCTION IF NOT EXISTS digest_of_code(
    p_code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin)
    RETURNS VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin READS SQL DATA
RETURN (SELECT content FROM renditions WHERE code = p_code AND name = 'original')//
DELIMITER ;

-- The account of a routine needs the right to call it, too.
GRANT EXECUTE ON PROCEDURE {database}.present_hooks TO 'takedown_hook'@'localhost';
GRANT EXECUTE ON FUNCTION {database}.code_of_name TO 'takedown_hook'@'localhost';
GRANT EXECUTE ON FUNCTION {database}.digest_of_code TO 'takedown_hook'@'localhost';
GRANT EXECUTE ON FUNCTION {database}.content_of_name TO 'takedown_hook'@'localhost';
