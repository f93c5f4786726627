-- Creates the account of the triggers that hooks have on a site's tables, and the routine that reads them.
-- `purger hook --apply` gives the account its rights on a table. Nobody can log in with it, so that the site's own
-- accounts need no right on bans. A changed procedure gets a new name: see numbering_routines.sql.
CREATE USER IF NOT EXISTS 'takedown_hook'@'localhost' ACCOUNT LOCK;
GRANT SELECT (scope, subject, banned_by, lifted_at), INSERT (scope, subject, reason, banned_by), UPDATE (lifted_at)
    ON {database}.bans TO 'takedown_hook'@'localhost';
GRANT SELECT ON {database}.hooks TO 'takedown_hook'@'localhost';
GRANT SELECT ON {database}.hook_triggers TO 'takedown_hook'@'localhost';

DELIMITER //

-- Reads the hooks, their triggers, and the triggers that stand on the tables on which this account may have some. The
-- account of the purger sees no table of the site.
CREATE DEFINER = 'takedown_hook'@'localhost' PROCEDURE IF NOT EXISTS present_hooks()
    READS SQL DATA
BEGIN
    SELECT name, table_schema, table_name FROM hooks ORDER BY name;
    SELECT hook, name, event, body FROM hook_triggers ORDER BY hook, name;
    SELECT EVENT_OBJECT_SCHEMA AS table_schema, EVENT_OBJECT_TABLE AS table_name, TRIGGER_NAME AS name,
        ACTION_TIMING AS timing, EVENT_MANIPULATION AS event, DEFINER AS definer, ACTION_STATEMENT AS body
    FROM information_schema.TRIGGERS
    WHERE TRIGGER_NAME LIKE 'takedown%'
    ORDER BY TRIGGER_NAME;
END//
DELIMITER ;

-- The account of a routine needs the right to call it, too.
GRANT EXECUTE ON PROCEDURE {database}.present_hooks TO 'takedown_hook'@'localhost';
