-- Drops the procedures by which unreleased versions had rows numbered. No released version calls them.
DROP PROCEDURE IF EXISTS take_invalidations_v2;
DROP PROCEDURE IF EXISTS number_invalidations_v2;
