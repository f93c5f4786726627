-- Adds to the probe result of an owner's ban (table sightings) how many of the images one probe found gone.
-- A receipt must not claim more than that.
ALTER TABLE sightings
    ADD COLUMN looked INT UNSIGNED NULL COMMENT 'of a ban on an owner, as a whole: the images that were seen gone',
    ADD COLUMN images INT UNSIGNED NULL COMMENT 'and of how many; counted up to 200,000';
