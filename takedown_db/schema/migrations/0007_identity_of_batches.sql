-- Adds an identity to batches: a restored database gives the same number to another batch. Those so far share one.
--
-- All batches of before get one value, made here. A default of (UUID()) would copy the table row by row, and MySQL
-- refuses it with enforce_gtid_consistency. Repeated after a run that was cut off, the last statement fails with error
-- 1060.
SET @add = CONCAT(
    'ALTER TABLE batches ADD COLUMN identity VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT ''',
    UUID(), ''' COMMENT ''a number that was given before a restore is another batch afterwards''');
PREPARE add_identity FROM @add;
EXECUTE add_identity;
