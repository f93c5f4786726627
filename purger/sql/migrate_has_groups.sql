-- Whether the server knows Group Replication, as far as this account is shown that.
SELECT 1 FROM information_schema.TABLES
WHERE TABLE_SCHEMA = 'performance_schema' AND TABLE_NAME = 'replication_group_members'
