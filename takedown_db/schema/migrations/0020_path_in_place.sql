-- Adds the path of a rendition's file in the site's own tree, for `--in-place`. The triggers renditions_checked_insert_v1
-- and renditions_checked_update_v1 refuse a path that could lead out of the tree.
--
-- INSTANT: the table is not rebuilt, however many rows it has. A CHECK would rebuild it.
ALTER TABLE renditions
    ADD COLUMN path VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL
        COMMENT 'of the file below the root of --in-place; NULL: the own store has it, by its digest',
    ALGORITHM = INSTANT;
