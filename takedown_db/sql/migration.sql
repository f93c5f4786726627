-- name: migrate_exists
-- Finds the database by its name.
SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %(name)s

-- name: migrate_create
-- Creates the database.
CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4

-- name: migrate_lock
-- One migration at a time. The lock goes with the connection.
SELECT GET_LOCK('edge_takedown_migrate', 10)

-- name: migrate_lock_holder
-- The connection that holds the lock of migrations, if any: any session may take it.
SELECT IS_USED_LOCK('edge_takedown_migrate')

-- name: migrate_server
-- Reads the server's version and the settings of its binary log.
SELECT VERSION(), @@GLOBAL.log_bin, @@SESSION.binlog_format

-- name: migrate_versions
-- Creates the table of applied migrations.
CREATE TABLE IF NOT EXISTS schema_versions (
    version INT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    applied_at DATETIME NOT NULL DEFAULT (UTC_TIMESTAMP()) COMMENT 'UTC'
) ENGINE = InnoDB COMMENT 'Which migrations have been applied'

-- name: migrate_applied
-- Lists the migrations that were applied.
SELECT version FROM schema_versions

-- name: migrate_apply
-- Records that a migration was applied.
INSERT INTO schema_versions (version, name) VALUES (%(version)s, %(name)s)

-- name: migrate_drop_trigger
-- {trigger} is one of the names in schema/triggers.sql.
DROP TRIGGER IF EXISTS {trigger}

-- name: migrate_grants
-- What is granted on the database and on whole tables of it: account, table (* for all), privilege.
SELECT GRANTEE, TABLE_NAME, PRIVILEGE_TYPE
FROM information_schema.TABLE_PRIVILEGES
WHERE TABLE_SCHEMA = %(name)s AND GRANTEE LIKE '''takedown%%'
UNION ALL
SELECT GRANTEE, '*', PRIVILEGE_TYPE
FROM information_schema.SCHEMA_PRIVILEGES
WHERE TABLE_SCHEMA = %(name)s AND GRANTEE LIKE '''takedown%%'

-- name: migrate_wildcards
-- Whether _ and % are wildcards in the name of a database that something is granted on: not with MySQL's partial_revokes.
SHOW VARIABLES WHERE Variable_name = 'partial_revokes' AND Value = 'ON'

-- name: migrate_malformed_bans
-- Bans that no CHECK let in. What is equal to a well-formed key but for trailing spaces does ban: 'abc ' compares as 'abc'.
SELECT id, scope, subject,
    RTRIM(scope) IN ('image', 'owner') AND LENGTH(RTRIM(scope)) = 5
    AND LENGTH(RTRIM(subject)) BETWEEN 1 AND 64 AND RTRIM(subject) NOT REGEXP '[^A-Za-z0-9_-]'
FROM bans
WHERE scope NOT IN ('image', 'owner') OR LENGTH(scope) <> 5
    OR LENGTH(subject) NOT BETWEEN 1 AND 64 OR subject REGEXP '[^A-Za-z0-9_-]'
ORDER BY id
LIMIT 1000

-- name: migrate_malformed_images
-- Rows that no CHECK let in and that the origin must not be asked to serve: table and code of each.
SELECT 'images', code
FROM images
WHERE LENGTH(code) NOT BETWEEN 1 AND 64 OR code REGEXP '[^A-Za-z0-9_-]'
    OR LENGTH(owner) NOT BETWEEN 1 AND 64 OR owner REGEXP '[^A-Za-z0-9_-]'
UNION ALL
SELECT 'renditions', code
FROM renditions
WHERE LENGTH(code) NOT BETWEEN 1 AND 64 OR code REGEXP '[^A-Za-z0-9_-]'
    OR LENGTH(name) NOT BETWEEN 1 AND 32 OR name REGEXP '[^a-z0-9_-]'
    OR LENGTH(content_type) > 64 OR content_type NOT LIKE 'image/_%%' OR content_type REGEXP '[^a-z0-9/+.-]'
    OR LENGTH(digest) <> 64 OR digest REGEXP '[^0-9a-f]'
LIMIT 1000

-- name: migrate_malformed_rows
-- Committed rows of the outbox that cannot be numbered, and would keep all others from it.
SELECT id
FROM invalidations FORCE INDEX (batch)
WHERE batch IS NULL AND (scope NOT IN ('image', 'owner') OR LENGTH(scope) <> 5
    OR LENGTH(subject) NOT BETWEEN 1 AND 64 OR subject REGEXP '[^A-Za-z0-9_-]')
LIMIT 10000

-- name: migrate_trim_ban
-- Writes a ban again without trailing spaces.
INSERT INTO bans (scope, subject, reason, banned_by, banned_at, lifted_at)
SELECT RTRIM(scope), RTRIM(subject), reason, banned_by, banned_at, lifted_at
FROM bans
WHERE id = %(id)s

-- name: migrate_trim_row
-- Comparisons ignore trailing spaces, so that such a ban hides an image all the same: its purge goes on without them.
INSERT INTO invalidations (scope, subject, cause, ban_id)
SELECT RTRIM(scope), RTRIM(subject), cause, ban_id
FROM invalidations FORCE INDEX (PRIMARY)
WHERE id = %(id)s AND RTRIM(scope) IN ('image', 'owner') AND LENGTH(RTRIM(scope)) = 5
    AND LENGTH(RTRIM(subject)) BETWEEN 1 AND 64 AND RTRIM(subject) NOT REGEXP '[^A-Za-z0-9_-]'

-- name: migrate_delete_ban
-- Deletes a malformed ban.
DELETE FROM bans WHERE id = %(id)s

-- name: migrate_delete_row
-- Deletes a malformed row of the outbox.
DELETE FROM invalidations WHERE id = %(id)s

-- name: migrate_keep_unnumberable
-- Keeps a row that cannot be numbered on record.
INSERT IGNORE INTO unnumberable (id, scope, subject, cause, ban_id, written_at, found_at)
SELECT id, scope, subject, cause, ban_id, written_at, UTC_TIMESTAMP(6)
FROM invalidations FORCE INDEX (PRIMARY)
WHERE id = %(id)s

-- name: migrate_undated_bans
-- Bans with a date that does not exist, such as 0000-00-00.
SELECT id
FROM bans
WHERE (lifted_at IS NOT NULL AND YEAR(lifted_at) * MONTH(lifted_at) * DAYOFMONTH(lifted_at) = 0)
    OR YEAR(banned_at) * MONTH(banned_at) * DAYOFMONTH(banned_at) = 0

-- name: migrate_date_ban
-- The first date there is in the place of one that does not exist. Whether the ban stands stays as it is.
UPDATE bans
SET banned_at = IF(YEAR(banned_at) * MONTH(banned_at) * DAYOFMONTH(banned_at) = 0, TIMESTAMP '1970-01-01 00:00:00', banned_at),
    lifted_at = IF(YEAR(lifted_at) * MONTH(lifted_at) * DAYOFMONTH(lifted_at) = 0, TIMESTAMP '1970-01-01 00:00:00', lifted_at)
WHERE id = %(id)s

-- name: ids_left
-- The next id that each table will give, as far as the account may see it, and the largest that is there.
SELECT 'bans', COALESCE((SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'bans'), 0),
    COALESCE((SELECT MAX(id) FROM bans), 0)
UNION ALL
SELECT 'invalidations', COALESCE((SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'invalidations'), 0),
    COALESCE((SELECT MAX(id) FROM invalidations), 0)
UNION ALL
SELECT 'moderation_log', COALESCE((SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'moderation_log'), 0),
    COALESCE((SELECT MAX(id) FROM moderation_log), 0)
