"""Run the servers of a database: one of MariaDB or MySQL, a Galera cluster, a replication group.

May import `stack.processes`.
"""
