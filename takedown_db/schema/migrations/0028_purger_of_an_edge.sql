-- Adds the purger that has claimed an edge: it alone follows the edge, for as long as it signs.
ALTER TABLE edges
    ADD COLUMN purger VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'purgers.id: who has claimed this edge; NULL: nobody';
