-- Whether the plugin group_replication is there.
SHOW VARIABLES WHERE Variable_name = 'group_replication_group_name'
