-- The connection that holds the lock of migrations, if any: any session may take it.
SELECT IS_USED_LOCK('edge_takedown_migrate')
