-- Adds the count of a purger's signatures, by which purgers that share the edges tell who is present. A purger of an
-- earlier version leaves it NULL.
ALTER TABLE purgers
    ADD COLUMN beat BIGINT UNSIGNED NULL COMMENT 'number of signatures so far; NULL: an earlier version, which follows every edge';
