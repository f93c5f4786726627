-- What is granted on the database and on whole tables of it: account, table (* for all), privilege.
SELECT GRANTEE, TABLE_NAME, PRIVILEGE_TYPE
FROM information_schema.TABLE_PRIVILEGES
WHERE TABLE_SCHEMA = %(name)s AND GRANTEE LIKE '''takedown%%'
UNION ALL
SELECT GRANTEE, '*', PRIVILEGE_TYPE
FROM information_schema.SCHEMA_PRIVILEGES
WHERE TABLE_SCHEMA = %(name)s AND GRANTEE LIKE '''takedown%%'
