-- One account for each part, with no more rights than it uses. They are made locked and without a password; give them
-- one and unlock them:  ALTER USER takedown_origin IDENTIFIED BY '...' ACCOUNT UNLOCK;
CREATE USER IF NOT EXISTS 'takedown_origin'@'%' ACCOUNT LOCK;
GRANT SELECT ON {database}.images TO 'takedown_origin'@'%';
GRANT SELECT ON {database}.renditions TO 'takedown_origin'@'%';
GRANT SELECT ON {database}.bans TO 'takedown_origin'@'%';
GRANT SELECT ON {database}.changes TO 'takedown_origin'@'%';
GRANT SELECT ON {database}.invalidations TO 'takedown_origin'@'%';

CREATE USER IF NOT EXISTS 'takedown_import'@'%' ACCOUNT LOCK;
GRANT SELECT, INSERT, UPDATE ON {database}.images TO 'takedown_import'@'%';
GRANT SELECT, INSERT, UPDATE ON {database}.renditions TO 'takedown_import'@'%';

-- No right to drop: TRUNCATE, which no trigger sees, needs it.
CREATE USER IF NOT EXISTS 'takedown_moderation'@'%' ACCOUNT LOCK;
GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.bans TO 'takedown_moderation'@'%';

-- INSERT into the outbox lets an audit send a purge again; it still bans nothing.
CREATE USER IF NOT EXISTS 'takedown_purger'@'%' ACCOUNT LOCK;
GRANT SELECT ON {database}.* TO 'takedown_purger'@'%';
GRANT INSERT ON {database}.invalidations TO 'takedown_purger'@'%';
GRANT INSERT, UPDATE, DELETE ON {database}.edges TO 'takedown_purger'@'%';
GRANT INSERT, UPDATE, DELETE ON {database}.receipts TO 'takedown_purger'@'%';
GRANT INSERT, UPDATE, DELETE ON {database}.sightings TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.number_invalidations_v1 TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.standing_triggers_v1 TO 'takedown_purger'@'%';
GRANT EXECUTE ON PROCEDURE {database}.prune_outbox_v1 TO 'takedown_purger'@'%';
