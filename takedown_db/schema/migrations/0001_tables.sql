-- Creates the tables of version 1. They need MySQL 8.0.29 or MariaDB 10.6, or later.
--
-- Keys are ASCII and compared byte by byte. ascii_bin still ignores trailing spaces in comparisons and a REGEXP with
-- anchors lets a trailing newline through, so every key has a CHECK on its length in bytes and on the absence of other
-- characters. Columns are wider than the check allows: a session without strict mode cuts a value at the column's
-- width, and what was cut must not pass for a valid key.

CREATE TABLE IF NOT EXISTS bans (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'image: subject is a code; owner: an owner''s key',
    subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
    banned_by VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
    banned_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC',
    lifted_at DATETIME(3) NULL COMMENT 'UTC; any value lifts, whatever the time it names',
    KEY subject (scope, subject, lifted_at),
    CONSTRAINT bans_scope_is_image_or_owner CHECK (scope IN ('image', 'owner') AND LENGTH(scope) = 5),
    CONSTRAINT bans_subject_is_1_to_64_of_letters_digits_underscore_dash
        CHECK (LENGTH(subject) BETWEEN 1 AND 64 AND subject NOT REGEXP '[^A-Za-z0-9_-]')
) ENGINE = InnoDB COMMENT 'The interface to moderation: INSERT bans, setting lifted_at lifts';

CREATE TABLE IF NOT EXISTS images (
    code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    owner VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    stable_until DATETIME NULL COMMENT 'UTC; until then browsers may keep the image without asking',
    imported_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC',
    KEY owner (owner),
    CONSTRAINT images_code_is_1_to_64_of_letters_digits_underscore_dash
        CHECK (LENGTH(code) BETWEEN 1 AND 64 AND code NOT REGEXP '[^A-Za-z0-9_-]'),
    CONSTRAINT images_owner_is_1_to_64_of_letters_digits_underscore_dash
        CHECK (LENGTH(owner) BETWEEN 1 AND 64 AND owner NOT REGEXP '[^A-Za-z0-9_-]')
) ENGINE = InnoDB COMMENT 'One row an image';

CREATE TABLE IF NOT EXISTS renditions (
    code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'images.code',
    name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'original, thumb, ...',
    content_type VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    size BIGINT UNSIGNED NOT NULL COMMENT 'bytes',
    width INT UNSIGNED NOT NULL COMMENT 'pixels',
    height INT UNSIGNED NOT NULL COMMENT 'pixels',
    digest VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the file in lower-case hex: its ETag and its name in the store',
    PRIMARY KEY (code, name),
    CONSTRAINT renditions_code_is_1_to_64_of_letters_digits_underscore_dash
        CHECK (LENGTH(code) BETWEEN 1 AND 64 AND code NOT REGEXP '[^A-Za-z0-9_-]'),
    CONSTRAINT renditions_name_is_1_to_32_of_a_to_z_digits_underscore_dash
        CHECK (LENGTH(name) BETWEEN 1 AND 32 AND name NOT REGEXP '[^a-z0-9_-]'),
    CONSTRAINT renditions_content_type_is_image_slash_subtype
        CHECK (LENGTH(content_type) <= 64 AND content_type LIKE 'image/_%' AND content_type NOT REGEXP '[^a-z0-9/+.-]'),
    CONSTRAINT renditions_digest_is_sha256_in_small_hex
        CHECK (LENGTH(digest) = 64 AND digest NOT REGEXP '[^0-9a-f]')
) ENGINE = InnoDB COMMENT 'What the origin serves, and all it needs to know of it';

CREATE TABLE IF NOT EXISTS invalidations (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    cause VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'ban, lift, unban, image, rendition, resend',
    ban_id BIGINT UNSIGNED NULL COMMENT 'bans.id, where a row of bans is the cause',
    written_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'UTC; the statement''s time, before its commit',
    batch BIGINT UNSIGNED NULL COMMENT 'NULL until the purger numbers the row, which it does after the commit',
    KEY batch (batch),
    KEY subject (scope, subject, batch),
    KEY ban (ban_id),
    CONSTRAINT invalidations_scope_is_image_or_owner CHECK (scope IN ('image', 'owner') AND LENGTH(scope) = 5),
    CONSTRAINT invalidations_subject_is_1_to_64_of_letters_digits_underscore
        CHECK (LENGTH(subject) BETWEEN 1 AND 64 AND subject NOT REGEXP '[^A-Za-z0-9_-]')
) ENGINE = InnoDB COMMENT 'The outbox. A row purges, and bans nothing';

CREATE TABLE IF NOT EXISTS numbering (
    one TINYINT NOT NULL PRIMARY KEY DEFAULT 1,
    last_batch BIGINT UNSIGNED NOT NULL DEFAULT 0,
    numbered_at DATETIME(6) NOT NULL DEFAULT '1970-01-01' COMMENT 'UTC; never goes back, whatever the clock does',
    pruned_batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'batches up to this one may have left the outbox',
    CONSTRAINT numbering_has_one_row CHECK (one = 1)
) ENGINE = InnoDB COMMENT 'The counter behind batch numbers; its row lock makes numbers follow commits';
INSERT IGNORE INTO numbering (one) VALUES (1);

CREATE TABLE IF NOT EXISTS batches (
    batch BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    numbered_at DATETIME(6) NOT NULL COMMENT 'UTC',
    size INT UNSIGNED NOT NULL COMMENT 'rows of the outbox'
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS changes (
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    changed_at DATETIME(6) NOT NULL COMMENT 'UTC; when the latest change was numbered. Rounded up it is Last-Modified',
    PRIMARY KEY (scope, subject)
) ENGINE = InnoDB COMMENT 'When each subject last changed; outlives the outbox';

CREATE TABLE IF NOT EXISTS edges (
    name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    purge_url VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'listener purge',
    public_url VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'listener public: receipts and audits look through it',
    token_file VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL COMMENT 'on the purger''s machine',
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    added_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC',
    instance VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'the varnishd process that the progress belongs to',
    acknowledged BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'all batches up to this one were acknowledged',
    rebounded BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'all batches up to this one were sent and acknowledged a second time',
    triggers VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'the triggers that stood when the edge was last flushed',
    seen_at DATETIME(3) NULL COMMENT 'UTC; last answer of the edge',
    epoch DATETIME(3) NULL COMMENT 'UTC, the edge''s clock; last heartbeat it accepted',
    problem VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'what keeps the edge from being served now',
    CONSTRAINT edges_name_is_1_to_64_of_letters_digits_underscore_dash_dot
        CHECK (LENGTH(name) BETWEEN 1 AND 64 AND name NOT REGEXP '[^A-Za-z0-9_.-]')
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS receipts (
    edge VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'edges.name; kept when the edge is removed',
    batch BIGINT UNSIGNED NOT NULL COMMENT 'the last batch that this acknowledgement covers',
    first_batch BIGINT UNSIGNED NOT NULL COMMENT 'the first one',
    method VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'purge, ban or flush',
    instance VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    acknowledged_at DATETIME(6) NOT NULL COMMENT 'UTC, the purger''s clock',
    PRIMARY KEY (edge, batch)
) ENGINE = InnoDB COMMENT 'Who acknowledged what and when; joined with the outbox it is a receipt a ban';

CREATE TABLE IF NOT EXISTS sightings (
    edge VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'edges.name',
    invalidation BIGINT UNSIGNED NOT NULL COMMENT 'invalidations.id',
    removed INT UNSIGNED NULL COMMENT 'objects that Varnish says it removed; NULL where it does not say',
    seen_at DATETIME(6) NULL COMMENT 'UTC, the purger''s clock; NULL: not looked at',
    status SMALLINT UNSIGNED NULL COMMENT 'HTTP status at the public door; NULL: no answer',
    gone BOOLEAN NULL COMMENT 'what came was none of the image''s renditions',
    PRIMARY KEY (edge, invalidation)
) ENGINE = InnoDB COMMENT 'What the purger saw at each edge''s public door after the acknowledgement';
