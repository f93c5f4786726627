-- Drops routines that unreleased versions have made with other bodies. The scripts of routines make them again.
DROP PROCEDURE IF EXISTS number_invalidations_v2;
DROP PROCEDURE IF EXISTS pick_invalidations_v2;
DROP PROCEDURE IF EXISTS prune_outbox_v2;
-- It pruned by the purger's clock, however wrong. A purger of version 0.1 that still runs prunes no more.
DROP PROCEDURE IF EXISTS prune_outbox_v1;
DROP PROCEDURE IF EXISTS remove_malformed_v2;
DROP PROCEDURE IF EXISTS standing_triggers_v2;
