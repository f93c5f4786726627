-- Revokes the rights that earlier versions granted and this version does not, one REVOKE a line.
-- Each runs where the grant exists, after accounts.sql; the grants of accounts.sql on the same table are repeated at
-- once, since a REVOKE on a table takes the grants on its columns along.
REVOKE SELECT ON {database}.bans FROM 'takedown_origin'@'%';
REVOKE INSERT, UPDATE ON {database}.images FROM 'takedown_import'@'%';
REVOKE INSERT, UPDATE ON {database}.renditions FROM 'takedown_import'@'%';
REVOKE INSERT, UPDATE ON {database}.bans FROM 'takedown_moderation'@'%';
REVOKE SELECT ON {database}.* FROM 'takedown_purger'@'%';
REVOKE INSERT ON {database}.invalidations FROM 'takedown_purger'@'%';
REVOKE DELETE ON {database}.receipts FROM 'takedown_purger'@'%';
REVOKE DELETE ON {database}.sightings FROM 'takedown_purger'@'%';
REVOKE INSERT ON {database}.log_checkpoints FROM 'takedown_purger'@'%';
