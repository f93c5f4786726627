-- Adds the files for TLS to each edge's purge listener.
-- A migration is one statement, so that a run that was cut off can be repeated.
ALTER TABLE edges
    ADD COLUMN ca_file VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'on the purger''s machine: who may have signed the edge''s certificate',
    ADD COLUMN certificate_file VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'on the purger''s machine: the client certificate',
    ADD COLUMN key_file VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'on the purger''s machine: its key';
