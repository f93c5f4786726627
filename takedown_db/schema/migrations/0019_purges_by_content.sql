-- Lets the outbox hold purges of a digest, as 0018 does for bans.
-- Drops the routines that take such rows for malformed; the script of the routines makes them again at once. The ALTER
-- comes last, since a repeated run ends at it.
DROP PROCEDURE IF EXISTS pick_invalidations_v2;
DROP PROCEDURE IF EXISTS remove_malformed_v2;
ALTER TABLE invalidations DROP CONSTRAINT invalidations_scope_is_image_or_owner;
