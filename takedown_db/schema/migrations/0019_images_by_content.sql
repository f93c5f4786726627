-- Adds the index by which the images with one original are found, and drops routines that know no scope digest.
-- The script of the routines makes them again. The index comes last: a repeated run ends at it, with error 1061.
DROP PROCEDURE IF EXISTS pick_invalidations_v2;
DROP PROCEDURE IF EXISTS remove_malformed_v2;
ALTER TABLE renditions ADD KEY digest (digest, name);
