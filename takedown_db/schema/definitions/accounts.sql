-- Creates an account for each part, with no more rights than it uses.
-- The accounts are locked and have no password; give them one and unlock them:
-- ALTER USER takedown_origin IDENTIFIED BY '...' ACCOUNT UNLOCK;
--
-- Grants name tables, and columns where an id must not be written.

-- Without the reason of a ban, and without the name of who banned.
CREATE USER IF NOT EXISTS 'takedown_origin'@'%' ACCOUNT LOCK;
GRANT SELECT ON {database}.images TO 'takedown_origin'@'%';
GRANT SELECT ON {database}.renditions TO 'takedown_origin'@'%';
GRANT SELECT (id, scope, subject, banned_at, lifted_at) ON {database}.bans TO 'takedown_origin'@'%';
GRANT SELECT ON {database}.changes TO 'takedown_origin'@'%';
GRANT SELECT ON {database}.invalidations TO 'takedown_origin'@'%';
GRANT SELECT (one, last_batch) ON {database}.numbering TO 'takedown_origin'@'%';
GRANT SELECT (digest, path, action, written_at) ON {database}.erasures TO 'takedown_origin'@'%';
-- The procedure is the one thing that it may write.
GRANT SELECT (id, code, digest, content, length, etag, last_modified) ON {database}.site_urls TO 'takedown_origin'@'%';
GRANT EXECUTE ON PROCEDURE {database}.record_site_url TO 'takedown_origin'@'%';
GRANT EXECUTE ON PROCEDURE {database}.record_contents TO 'takedown_origin'@'%';

-- ON DUPLICATE KEY UPDATE needs UPDATE on the columns of the key as well, in MariaDB.
CREATE USER IF NOT EXISTS 'takedown_import'@'%' ACCOUNT LOCK;
GRANT SELECT, INSERT (code, owner, stable_until, imported_at), UPDATE (code, owner, stable_until, imported_at) ON {database}.images TO 'takedown_import'@'%';
GRANT SELECT, DELETE, INSERT (code, name, content_type, size, width, height, digest, path, content, named), UPDATE (code, name, content_type, size, width, height, digest, path, content, named) ON {database}.renditions TO 'takedown_import'@'%';
GRANT SELECT ON {database}.content_names TO 'takedown_import'@'%';
GRANT EXECUTE ON PROCEDURE {database}.record_contents TO 'takedown_import'@'%';
-- For the warning that moving an image to another owner ends the effect of a ban, and to refuse uploads by a ban's id.
GRANT SELECT (id, scope, subject, lifted_at) ON {database}.bans TO 'takedown_import'@'%';

-- Destroys bytes of what is banned, and so is no account of servers and imports. It can neither ban nor lift.
CREATE USER IF NOT EXISTS 'takedown_erase'@'%' ACCOUNT LOCK;
GRANT SELECT ON {database}.renditions TO 'takedown_erase'@'%';
GRANT SELECT ON {database}.content_names TO 'takedown_erase'@'%';
GRANT SELECT (id, scope, subject, lifted_at) ON {database}.bans TO 'takedown_erase'@'%';
GRANT SELECT, INSERT (action, original, ban_id, digest, path, detail) ON {database}.erasures TO 'takedown_erase'@'%';

-- Without DROP, which TRUNCATE needs: no trigger fires for it.
CREATE USER IF NOT EXISTS 'takedown_moderation'@'%' ACCOUNT LOCK;
GRANT SELECT, DELETE, INSERT (scope, subject, reason, banned_by, banned_at, lifted_at, lifted_by, lift_reason), UPDATE (scope, subject, reason, banned_by, banned_at, lifted_at, lifted_by, lift_reason) ON {database}.bans TO 'takedown_moderation'@'%';
GRANT EXECUTE ON PROCEDURE {database}.delivery TO 'takedown_moderation'@'%';
GRANT EXECUTE ON PROCEDURE {database}.subjects_known TO 'takedown_moderation'@'%';
GRANT EXECUTE ON PROCEDURE {database}.subjects_images TO 'takedown_moderation'@'%';
GRANT EXECUTE ON PROCEDURE {database}.copies_of_content TO 'takedown_moderation'@'%';
GRANT EXECUTE ON FUNCTION {database}.digest_of_code TO 'takedown_moderation'@'%';
GRANT EXECUTE ON FUNCTION {database}.content_of_name TO 'takedown_moderation'@'%';
GRANT EXECUTE ON PROCEDURE {database}.hiding_bans TO 'takedown_moderation'@'%';
GRANT EXECUTE ON PROCEDURE {database}.acknowledgements TO 'takedown_moderation'@'%';
GRANT EXECUTE ON PROCEDURE {database}.public_urls TO 'takedown_moderation'@'%';
GRANT EXECUTE ON PROCEDURE {database}.present_triggers TO 'takedown_moderation'@'%';
-- `purger lists`: what a list names is banned by match_list.
GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.lists TO 'takedown_moderation'@'%';
GRANT SELECT, INSERT, DELETE ON {database}.list_entries TO 'takedown_moderation'@'%';
GRANT SELECT, DELETE ON {database}.list_bans TO 'takedown_moderation'@'%';
GRANT SELECT, UPDATE (state), DELETE ON {database}.suggestions TO 'takedown_moderation'@'%';
GRANT EXECUTE ON PROCEDURE {database}.match_list TO 'takedown_moderation'@'%';

-- Of programs that order takedowns (`purger door`): it bans and lifts, and neither changes nor deletes a ban. INSERT into
-- the outbox lets it send a purge, which bans nothing.
CREATE USER IF NOT EXISTS 'takedown_door'@'%' ACCOUNT LOCK;
GRANT SELECT, INSERT (scope, subject, reason, banned_by), UPDATE (lifted_at, lifted_by, lift_reason) ON {database}.bans TO 'takedown_door'@'%';
GRANT SELECT, INSERT ON {database}.door_orders TO 'takedown_door'@'%';
GRANT INSERT (scope, subject, cause) ON {database}.invalidations TO 'takedown_door'@'%';
GRANT EXECUTE ON PROCEDURE {database}.door_ban TO 'takedown_door'@'%';
GRANT EXECUTE ON PROCEDURE {database}.delivery TO 'takedown_door'@'%';
GRANT EXECUTE ON PROCEDURE {database}.subjects_known TO 'takedown_door'@'%';
GRANT EXECUTE ON PROCEDURE {database}.subjects_images TO 'takedown_door'@'%';
GRANT EXECUTE ON PROCEDURE {database}.acknowledgements TO 'takedown_door'@'%';
GRANT EXECUTE ON PROCEDURE {database}.ban_sightings TO 'takedown_door'@'%';
GRANT EXECUTE ON PROCEDURE {database}.public_urls TO 'takedown_door'@'%';
GRANT EXECUTE ON PROCEDURE {database}.present_triggers TO 'takedown_door'@'%';
GRANT EXECUTE ON FUNCTION {database}.owner_of_code TO 'takedown_door'@'%';
GRANT EXECUTE ON FUNCTION {database}.content_of_name TO 'takedown_door'@'%';

-- INSERT into the outbox lets an audit and `purger flush --image` send a purge; it bans nothing. The purger may not delete receipts,
-- sightings and the log: prune_outbox deletes receipts and sightings past their retention.
CREATE USER IF NOT EXISTS 'takedown_purger'@'%' ACCOUNT LOCK;
GRANT SELECT ON {database}.bans TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.images TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.renditions TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.site_urls TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.numbering TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.batches TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.changes TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.retention TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.unnumberable TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.moderation_log TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.erasures TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.schema_versions TO 'takedown_purger'@'%';
GRANT SELECT, INSERT (scope, subject, cause) ON {database}.invalidations TO 'takedown_purger'@'%';
GRANT SELECT, INSERT (server, adopted_by) ON {database}.adoptions TO 'takedown_purger'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.edges TO 'takedown_purger'@'%';
GRANT SELECT, INSERT, UPDATE ON {database}.receipts TO 'takedown_purger'@'%';
GRANT SELECT, INSERT, UPDATE ON {database}.sightings TO 'takedown_purger'@'%';
GRANT SELECT, INSERT, UPDATE ON {database}.probe_remarks TO 'takedown_purger'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.purgers TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.number_invalidations TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.take_invalidations TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.present_triggers TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.prune_outbox TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.redate_changes TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.share_edges TO 'takedown_purger'@'%';
GRANT SELECT, INSERT (content, openings) ON {database}.log_entries TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.log_leaves TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.log_nodes TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.log_state TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.log_checkpoints TO 'takedown_purger'@'%';
GRANT SELECT, INSERT (id, note) ON {database}.log_keys TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.append_leaves TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.prune_leaves TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.log_events TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.present_hooks TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.subjects_known TO 'takedown_purger'@'%';
GRANT EXECUTE ON FUNCTION {database}.digest_of_code TO 'takedown_purger'@'%';
GRANT EXECUTE ON FUNCTION {database}.content_of_name TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.copies_of_content TO 'takedown_purger'@'%';
GRANT SELECT ON {database}.content_names TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.public_urls TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.delivery TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.acknowledgements TO 'takedown_purger'@'%';
-- Receivers, and the events for them. Their secrets are in files.
GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.webhooks TO 'takedown_purger'@'%';
GRANT SELECT, UPDATE ON {database}.webhook_state TO 'takedown_purger'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.webhook_watches TO 'takedown_purger'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.webhook_events TO 'takedown_purger'@'%';
