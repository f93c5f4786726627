-- Creates the tables of hooks: triggers on a site's own tables that write bans. `purger hook --apply` fills them, and
-- `purger status` compares them with the triggers that stand.
CREATE TABLE IF NOT EXISTS hooks (
    name VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY COMMENT 'bans.banned_by of its bans',
    table_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'bans.scope of its bans',
    subject TEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'SQL: the subject of a row''s ban; NULL: the row has none',
    hidden_when TEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'SQL: whether a row is taken down',
    reason VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
    bans_deleted BOOLEAN NOT NULL COMMENT 'a deleted row is taken down',
    lifts_inserted BOOLEAN NOT NULL COMMENT 'a new row lifts the hook''s earlier bans of its subject',
    applied_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC'
) ENGINE = InnoDB COMMENT 'Written by purger hook';

CREATE TABLE IF NOT EXISTS hook_triggers (
    hook VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'hooks.name',
    name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    event VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'INSERT, UPDATE or DELETE',
    body TEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'as it was created',
    PRIMARY KEY (hook, name)
) ENGINE = InnoDB COMMENT 'The triggers of each hook, all AFTER their event';
