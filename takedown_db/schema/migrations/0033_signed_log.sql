-- Adds the signed log: leaves that have their place, the whole nodes above them, and signed checkpoints. Entries are
-- leaves that wait for their place: the transaction that writes a receipt writes its entry.
--
-- Texts are bytes here, since they are hashed: a character set could change them on their way.
CREATE TABLE IF NOT EXISTS log_entries (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    content BLOB NOT NULL COMMENT 'the leaf in canonical JSON',
    openings BLOB NULL COMMENT 'values and salts of its commitments, as JSON'
) ENGINE = InnoDB COMMENT 'Leaves that wait for their place in the signed log';

CREATE TABLE IF NOT EXISTS log_leaves (
    leaf BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'its place, from 0',
    hash BINARY(32) NOT NULL COMMENT 'SHA-256 of 0 and the content (RFC 9162, 2.1.1): stays when the content is pruned',
    kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    source BIGINT UNSIGNED NULL COMMENT 'batch: its number; event: moderation_log.id; acknowledged: the last batch; seen: invalidations.id',
    content BLOB NULL COMMENT 'the leaf in canonical JSON; NULL: pruned',
    openings BLOB NULL COMMENT 'values and salts of its commitments, as JSON; NULL: erased or none',
    KEY source (kind, source)
) ENGINE = InnoDB COMMENT 'The leaves of the signed log';

CREATE TABLE IF NOT EXISTS log_nodes (
    level TINYINT UNSIGNED NOT NULL COMMENT 'a multiple of 4: the others are made of those below',
    position BIGINT UNSIGNED NOT NULL,
    hash BINARY(32) NOT NULL,
    PRIMARY KEY (level, position)
) ENGINE = InnoDB COMMENT 'The root of each whole 16, 256, ... leaves';

CREATE TABLE IF NOT EXISTS log_checkpoints (
    size BIGINT UNSIGNED NOT NULL COMMENT 'number of leaves',
    note VARBINARY(4096) NOT NULL COMMENT 'the signed note',
    signed_at DATETIME(6) NOT NULL COMMENT 'UTC, the database''s clock',
    PRIMARY KEY (size)
) ENGINE = InnoDB COMMENT 'Signed states of the log';

CREATE TABLE IF NOT EXISTS log_keys (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    note VARBINARY(4096) NOT NULL COMMENT 'a key, signed by the one before it'
) ENGINE = InnoDB COMMENT 'The keys that followed the first one';

CREATE TABLE IF NOT EXISTS log_state (
    one TINYINT NOT NULL PRIMARY KEY DEFAULT 1,
    size BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'number of leaves',
    peaks VARBINARY(2048) NOT NULL DEFAULT '' COMMENT 'the hashes of the largest whole nodes, from left to right',
    batch BIGINT UNSIGNED NULL COMMENT 'the last batch that is in the log; NULL: the log has not begun',
    event BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'all entries of moderation_log up to this id that caused no purge are in the log',
    edges VARBINARY(64) NOT NULL DEFAULT '' COMMENT 'the hash of the list of edges in force, in hex',
    CONSTRAINT log_state_has_one_row CHECK (one = 1)
) ENGINE = InnoDB COMMENT 'Where the signed log ends';
INSERT IGNORE INTO log_state (one) VALUES (1);
