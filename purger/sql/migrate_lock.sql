-- One migration at a time. The lock goes with the connection.
SELECT GET_LOCK('edge_takedown_migrate', 10)
