CREATE TABLE schema_versions (
    version INT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    applied_at DATETIME NOT NULL DEFAULT (UTC_TIMESTAMP()) COMMENT 'UTC'
) ENGINE = InnoDB COMMENT 'Which migrations have been applied';
INSERT INTO schema_versions (version, name) VALUES (1, '0001_tables.sql');
