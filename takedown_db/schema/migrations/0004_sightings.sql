-- Why nothing has been seen yet, or why what was seen proves nothing.
ALTER TABLE sightings ADD COLUMN note VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'why nothing was seen, or is not proven';
