-- Creates the table of adopted servers: purgers act on the newest alone, and not on one with a copy of the data.
CREATE TABLE IF NOT EXISTS adoptions (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    server VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'as the server names itself',
    adopted_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC',
    adopted_by VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT ''
) ENGINE = InnoDB COMMENT 'Append-only; the newest row counts. Written by purger migrate (the first) and purger adopt';
