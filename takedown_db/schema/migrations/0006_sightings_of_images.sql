-- Allows a probe result (a row of sightings) for each image of a banned owner, beside that of the ban as a whole.
-- Each proves the removal of that image alone.
ALTER TABLE sightings
    ADD COLUMN code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'of a ban on an owner: the image that was looked at; empty: the subject as a whole',
    DROP PRIMARY KEY,
    ADD PRIMARY KEY (edge, invalidation, code);
