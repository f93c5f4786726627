-- Adds to probe results (the table sightings) the reason why there is none yet, or why it proves nothing.
ALTER TABLE sightings ADD COLUMN note VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'why nothing was seen, or is not proven';
