-- Adds an identity of the schema itself, for positions whose batch has no row.
-- These are batch 0, and a last batch whose row an earlier version has pruned. Adds the clock by which numbering
-- notices that the server's time was set back (number_invalidations_v2). As to the value see 0007.
SET @add = CONCAT(
    'ALTER TABLE numbering ADD COLUMN identity VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT ''',
    UUID(), ''' COMMENT ''the identity of batch 0'', ADD COLUMN clock DATETIME(6) NOT NULL DEFAULT ''1970-01-01'' ',
    'COMMENT ''UTC; what the server took for the time when it gave the last number''');
PREPARE add_identity FROM @add;
EXECUTE add_identity;
