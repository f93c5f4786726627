-- What version 0.1 granted and this one does not: one REVOKE a line. It is run where the grant is there, after
-- accounts.sql; what accounts.sql grants on the same table follows at once, since a REVOKE on a table takes the grants on
-- its columns too.
REVOKE SELECT ON {database}.bans FROM 'takedown_origin'@'%';
REVOKE INSERT, UPDATE ON {database}.images FROM 'takedown_import'@'%';
REVOKE INSERT, UPDATE ON {database}.renditions FROM 'takedown_import'@'%';
REVOKE INSERT, UPDATE ON {database}.bans FROM 'takedown_moderation'@'%';
REVOKE SELECT ON {database}.* FROM 'takedown_purger'@'%';
REVOKE INSERT ON {database}.invalidations FROM 'takedown_purger'@'%';
REVOKE DELETE ON {database}.receipts FROM 'takedown_purger'@'%';
REVOKE DELETE ON {database}.sightings FROM 'takedown_purger'@'%';
-- It pruned what a purger's clock called old, however wrong. A purger of version 0.1 that still runs prunes no more.
REVOKE EXECUTE ON PROCEDURE {database}.prune_outbox_v1 FROM 'takedown_purger'@'%';
