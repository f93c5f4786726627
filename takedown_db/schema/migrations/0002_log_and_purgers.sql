-- Creates the tables moderation_log, purgers, unnumberable and retention.
-- They hold the log of moderation, the running purgers, malformed rows of the outbox, and the progress of pruning.

CREATE TABLE IF NOT EXISTS moderation_log (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    action VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'ban; lift; unban: row deleted or moved to another subject; change; move: an image changed owner or code, or was deleted',
    ban_id BIGINT UNSIGNED NULL COMMENT 'bans.id',
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'as it was then, as all that follows',
    subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    owner VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'action move: the former owner',
    reason VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
    banned_by VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
    detail VARCHAR(4096) CHARACTER SET utf8mb4 NULL COMMENT 'change: the values before, as JSON; move: where to',
    invalidation BIGINT UNSIGNED NULL COMMENT 'invalidations.id: the purge that this caused; NULL: none was written',
    account VARCHAR(384) CHARACTER SET utf8mb4 NOT NULL DEFAULT '' COMMENT 'USER() of the session, whatever it claimed',
    logged_at DATETIME(6) NOT NULL DEFAULT '1970-01-01' COMMENT 'UTC, the server''s clock, whatever the session set',
    KEY subject (scope, subject),
    KEY ban (ban_id),
    KEY invalidation (invalidation),
    KEY owner (owner)
) ENGINE = InnoDB COMMENT 'Append-only: who banned, lifted and changed what. Written by triggers alone, never pruned';

CREATE TABLE IF NOT EXISTS purgers (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY COMMENT 'made by each process at its start',
    host VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
    pid INT UNSIGNED NOT NULL,
    version VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    since DATETIME(3) NOT NULL COMMENT 'UTC, the database''s clock',
    seen_at DATETIME(3) NOT NULL COMMENT 'UTC, the database''s clock'
) ENGINE = InnoDB COMMENT 'Presence: each purger signs once a second';

CREATE TABLE IF NOT EXISTS unnumberable (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'invalidations.id',
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    cause VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    ban_id BIGINT UNSIGNED NULL,
    written_at DATETIME(6) NOT NULL COMMENT 'UTC',
    found_at DATETIME(6) NOT NULL COMMENT 'UTC'
) ENGINE = InnoDB COMMENT 'Malformed rows that were taken out of the outbox: they name no image and would block every other';

CREATE TABLE IF NOT EXISTS retention (
    one TINYINT NOT NULL PRIMARY KEY DEFAULT 1,
    outbox_until DATETIME(6) NULL COMMENT 'UTC; what was numbered before has left the outbox, but for bans and lifts',
    outbox_batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the last batch of that',
    receipts_until DATETIME(6) NULL COMMENT 'UTC; what was numbered before is gone, bans, lifts and receipts too',
    receipts_batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the last batch of that',
    moved_at DATETIME(6) NULL COMMENT 'UTC; when the two times last moved',
    CONSTRAINT retention_has_one_row CHECK (one = 1)
) ENGINE = InnoDB COMMENT 'How far pruning has come; it moves by bounded steps, whatever a clock says';
INSERT IGNORE INTO retention (one) VALUES (1);
