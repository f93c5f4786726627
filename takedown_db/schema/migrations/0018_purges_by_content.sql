-- Lets the outbox hold purges of a digest, as 0017 does for bans.
ALTER TABLE invalidations DROP CONSTRAINT invalidations_scope_is_image_or_owner;
