-- Statements of `purger migrate`: versions, locks, grants, and the correction of malformed rows.

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
-- Reads the numbers of the applied migrations.
SELECT version FROM schema_versions

-- name: migrate_apply
-- Records a migration as applied.
INSERT INTO schema_versions (version, name) VALUES (%(version)s, %(name)s)

-- name: migrate_drop_trigger
-- Drops a trigger. {trigger} is a name from the schema's scripts.
DROP TRIGGER IF EXISTS {trigger}

-- name: migrate_grants
-- Reads the grants on the database and on its tables: account, table (* for the whole database), privilege.
SELECT GRANTEE AS account, TABLE_NAME AS on_table, PRIVILEGE_TYPE AS privilege
FROM information_schema.TABLE_PRIVILEGES
WHERE TABLE_SCHEMA = %(name)s AND GRANTEE LIKE '''takedown%%'
UNION ALL
SELECT GRANTEE, '*', PRIVILEGE_TYPE
FROM information_schema.SCHEMA_PRIVILEGES
WHERE TABLE_SCHEMA = %(name)s AND GRANTEE LIKE '''takedown%%'

-- name: migrate_wildcards
-- Reads a row where _ and % are no wildcards in the database's name of a GRANT: with MySQL's partial_revokes.
SHOW VARIABLES WHERE Variable_name = 'partial_revokes' AND Value = 'ON'

-- name: migrate_malformed_bans
-- Reads bans that break the rules of the schema, the oldest 1,000, and whether each is well-formed but for trailing
-- spaces. Comparisons ignore trailing spaces, so such a ban does hide images ('abc ' equals 'abc'); the others hide
-- none. LENGTH, and comparisons AS BINARY, count trailing spaces.
SELECT id, scope, subject,
    RTRIM(scope) IN ('image', 'owner', 'digest')
        AND LENGTH(RTRIM(subject)) BETWEEN 1 AND 64 AND RTRIM(subject) NOT REGEXP '[^A-Za-z0-9_-]'
        AND (RTRIM(scope) <> 'digest' OR (LENGTH(RTRIM(subject)) = 64 AND RTRIM(subject) NOT REGEXP '[^0-9a-f]')) AS padded
FROM bans
WHERE CAST(scope AS BINARY) NOT IN ('image', 'owner', 'digest')
    OR LENGTH(subject) NOT BETWEEN 1 AND 64 OR subject REGEXP '[^A-Za-z0-9_-]'
    OR (scope = 'digest' AND (LENGTH(subject) <> 64 OR subject REGEXP '[^0-9a-f]'))
ORDER BY id
LIMIT 1000

-- name: migrate_malformed_images
-- Reads the table and the code of images and renditions that break the rules of the schema, 1,000 at most.
SELECT 'images' AS on_table, code
FROM images
WHERE LENGTH(code) NOT BETWEEN 1 AND 64 OR code REGEXP '[^A-Za-z0-9_-]'
    OR LENGTH(owner) NOT BETWEEN 1 AND 64 OR owner REGEXP '[^A-Za-z0-9_-]'
UNION ALL
SELECT 'renditions' AS on_table, code
FROM renditions
WHERE LENGTH(code) NOT BETWEEN 1 AND 64 OR code REGEXP '[^A-Za-z0-9_-]'
    OR LENGTH(name) NOT BETWEEN 1 AND 32 OR name REGEXP '[^a-z0-9_-]'
    OR LENGTH(content_type) > 64 OR content_type NOT LIKE 'image/_%%' OR content_type REGEXP '[^a-z0-9/+.-]'
    OR LENGTH(digest) <> 64 OR digest REGEXP '[^0-9a-f]'
LIMIT 1000

-- name: migrate_malformed_rows
-- Reads the ids of committed rows that cannot be numbered and so keep all others from their numbers, 10,000 at most.
SELECT id
FROM invalidations FORCE INDEX (batch)
WHERE batch IS NULL AND (CAST(scope AS BINARY) NOT IN ('image', 'owner', 'digest')
    OR LENGTH(subject) NOT BETWEEN 1 AND 64 OR subject REGEXP '[^A-Za-z0-9_-]'
    OR (scope = 'digest' AND (LENGTH(subject) <> 64 OR subject REGEXP '[^0-9a-f]')))
LIMIT 10000

-- name: migrate_trim_ban
-- Writes a ban again without trailing spaces.
INSERT INTO bans (scope, subject, reason, banned_by, banned_at, lifted_at)
SELECT RTRIM(scope), RTRIM(subject), reason, banned_by, banned_at, lifted_at
FROM bans
WHERE id = %(id)s

-- name: migrate_trim_row
-- Writes a row of the outbox again without trailing spaces, if it is well-formed then. Comparisons ignore trailing
-- spaces, so that such a ban does hide an image, and needs its purge.
INSERT INTO invalidations (scope, subject, cause, ban_id)
SELECT RTRIM(scope), RTRIM(subject), cause, ban_id
FROM invalidations FORCE INDEX (PRIMARY)
WHERE id = %(id)s AND RTRIM(scope) IN ('image', 'owner', 'digest')
    AND LENGTH(RTRIM(subject)) BETWEEN 1 AND 64 AND RTRIM(subject) NOT REGEXP '[^A-Za-z0-9_-]'
    AND (RTRIM(scope) <> 'digest' OR (LENGTH(RTRIM(subject)) = 64 AND RTRIM(subject) NOT REGEXP '[^0-9a-f]'))

-- name: migrate_delete_ban
-- Deletes a malformed ban.
DELETE FROM bans WHERE id = %(id)s

-- name: migrate_delete_row
-- Deletes a malformed row of the outbox.
DELETE FROM invalidations WHERE id = %(id)s

-- name: migrate_keep_unnumberable
-- Copies a row of the outbox that cannot be numbered to the table unnumberable.
INSERT IGNORE INTO unnumberable (id, scope, subject, cause, ban_id, written_at, found_at)
SELECT id, scope, subject, cause, ban_id, written_at, UTC_TIMESTAMP(6)
FROM invalidations FORCE INDEX (PRIMARY)
WHERE id = %(id)s

-- name: migrate_undated_bans
-- Reads the ids of bans with a date that does not exist, such as 0000-00-00.
SELECT id
FROM bans
WHERE (lifted_at IS NOT NULL AND YEAR(lifted_at) * MONTH(lifted_at) * DAYOFMONTH(lifted_at) = 0)
    OR YEAR(banned_at) * MONTH(banned_at) * DAYOFMONTH(banned_at) = 0

-- name: migrate_date_ban
-- Replaces dates of a ban that do not exist by 1970-01-01. An open ban stays open, a lifted one lifted.
UPDATE bans
SET banned_at = IF(
        YEAR(banned_at) * MONTH(banned_at) * DAYOFMONTH(banned_at) = 0, TIMESTAMP '1970-01-01 00:00:00', banned_at
    ),
    lifted_at = IF(
        YEAR(lifted_at) * MONTH(lifted_at) * DAYOFMONTH(lifted_at) = 0, TIMESTAMP '1970-01-01 00:00:00', lifted_at
    )
WHERE id = %(id)s

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
