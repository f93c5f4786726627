-- Whether _ and % are wildcards in the name of a database that something is granted on: not with MySQL's partial_revokes.
SHOW VARIABLES WHERE Variable_name = 'partial_revokes' AND Value = 'ON'
