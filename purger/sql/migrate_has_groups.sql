-- Whether the server knows Group Replication.
SELECT 1 FROM information_schema.TABLES
WHERE TABLE_SCHEMA = 'performance_schema' AND TABLE_NAME = 'replication_group_members'
