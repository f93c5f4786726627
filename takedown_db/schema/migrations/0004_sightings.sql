-- Adds the reason why there is no probe result yet, or why it proves nothing.
ALTER TABLE sightings ADD COLUMN note VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'why nothing was seen, or is not proven';
