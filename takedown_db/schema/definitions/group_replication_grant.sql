-- Grants the purger the right to read whether the server is a member of its replication group. Runs only on MySQL.
GRANT SELECT ON performance_schema.replication_group_members TO 'takedown_purger'@'%';
