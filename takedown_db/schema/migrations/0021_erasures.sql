-- Creates the record of erasures: which bytes `origin erase` destroyed, under which ban, when, and by which account.
CREATE TABLE IF NOT EXISTS erasures (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    action VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'begin and done of one erasure; erased: a file was destroyed; kept: another image shares it',
    original VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the banned original',
    ban_id BIGINT UNSIGNED NOT NULL COMMENT 'bans.id: the ban by digest that stood',
    digest VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'erased, kept: SHA-256 of the file',
    path VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'erased, kept: its path in place; NULL: in the own store',
    detail VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '' COMMENT 'for people',
    account VARCHAR(384) CHARACTER SET utf8mb4 NOT NULL DEFAULT '' COMMENT 'USER() of the session, whatever it claimed',
    written_at DATETIME(6) NOT NULL DEFAULT '1970-01-01' COMMENT 'UTC, the server''s clock, whatever the session set',
    KEY original (original),
    KEY digest (digest)
) ENGINE = InnoDB COMMENT 'Append-only: which bytes were destroyed, when and by whom. Never pruned';
