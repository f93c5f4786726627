-- Statements of `purger migrate`: its lock, the applied migrations, and what it asks of the server.

-- name: migrate_exists
-- Reads the database's name where the database exists.
SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %(name)s

-- name: migrate_create
-- Creates the database.
CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4

-- name: migrate_lock
-- Takes the lock of migrations, waiting up to 10 seconds: 1 or 0. The lock ends with the connection.
SELECT GET_LOCK('edge_takedown_migrate', 10) AS locked

-- name: migrate_lock_holder
-- Reads the id of the connection that holds the lock of migrations; NULL: none. Any session may take it.
SELECT IS_USED_LOCK('edge_takedown_migrate') AS holder

-- name: migrate_server
-- Reads the server's version and the settings of its binary log.
SELECT VERSION() AS version, @@GLOBAL.log_bin AS log_bin, @@SESSION.binlog_format AS binlog_format

-- name: migrate_versions
-- Creates the table of applied migrations.
CREATE TABLE IF NOT EXISTS schema_versions (
    version INT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    applied_at DATETIME NOT NULL DEFAULT (UTC_TIMESTAMP()) COMMENT 'UTC'
) ENGINE = InnoDB COMMENT 'Which migrations have been applied'

-- name: migrate_applied
-- Reads the names of the applied migrations.
SELECT name FROM schema_versions

-- name: migrate_apply
-- Records a migration as applied.
INSERT INTO schema_versions (version, name) VALUES (%(version)s, %(name)s)

-- name: migrate_drop_trigger
-- Drops a trigger. {trigger} is a name from the schema's scripts.
DROP TRIGGER IF EXISTS {trigger}

-- name: migrate_wildcards
-- Reads a row where _ and % are no wildcards in the database's name of a GRANT: with MySQL's partial_revokes.
SHOW VARIABLES WHERE Variable_name = 'partial_revokes' AND Value = 'ON'

-- name: ids_left
-- Reads the next id that each table will give (0 where the account may not see it), and the largest id in the table.
SELECT 'bans' AS on_table, COALESCE((
    SELECT AUTO_INCREMENT
    FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'bans'
), 0) AS next_id, COALESCE((SELECT MAX(id) FROM bans), 0) AS largest_id
UNION ALL
SELECT 'invalidations', COALESCE((
    SELECT AUTO_INCREMENT
    FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'invalidations'
), 0), COALESCE((SELECT MAX(id) FROM invalidations), 0)
UNION ALL
SELECT 'moderation_log', COALESCE((
    SELECT AUTO_INCREMENT
    FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'moderation_log'
), 0), COALESCE((SELECT MAX(id) FROM moderation_log), 0)

-- name: migrate_in_group
-- Reads a row where the plugin group_replication is loaded.
SHOW VARIABLES WHERE Variable_name = 'group_replication_group_name'

-- name: fresh_statistics
-- Lets this session read the next ids of tables as they are now: MySQL shows them as they were up to a day ago otherwise.
-- MariaDB has no such setting, and takes the second assignment for a comment.
SET @takedown_fresh = 1 /*!80000 , SESSION information_schema_stats_expiry = 0 */

-- name: account_state
-- Reads how an account was made, and so whether it is locked. {account} is its name.
SHOW CREATE USER {account}

-- name: nameless_accounts
-- Reads the hosts of users without a name. Such a user of one host comes before accounts of any host.
SELECT Host FROM mysql.user WHERE User = '' AND Host <> '' ORDER BY Host

-- name: open_account
-- Gives an account a password, and unlocks it. {account} is its name.
ALTER USER {account} IDENTIFIED BY %(password)s ACCOUNT UNLOCK
