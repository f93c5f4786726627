-- Drops the triggers whose successors stand by now.
-- The order counts: one on the outbox goes before those on the tables that write into it, so that no row comes in of
-- which it makes a wrong purge.

-- It takes a purge of a digest for one of an image: no ban of a digest may come before it is gone.
DROP TRIGGER IF EXISTS invalidations_checked_insert_v1;
DROP TRIGGER IF EXISTS bans_checked_insert_v1;
DROP TRIGGER IF EXISTS bans_checked_update_v1;

-- Their acts have not the times of the ban. While both stand, an act is logged twice and none is missed.
DROP TRIGGER IF EXISTS bans_inserted_log_v1;
DROP TRIGGER IF EXISTS bans_updated_log_v1;
DROP TRIGGER IF EXISTS bans_deleted_log_v1;
