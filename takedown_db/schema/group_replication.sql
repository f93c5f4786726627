-- On MySQL alone: to tell whether the server is a member of its replication group now.
GRANT SELECT ON performance_schema.replication_group_members TO 'takedown_purger'@'%';
