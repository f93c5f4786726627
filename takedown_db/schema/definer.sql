-- The account that triggers and routines run as. It is locked: nobody can log in with it, and as it belongs to no
-- person nobody will drop it with a leaver's account (error 1449: then every ban would fail).
-- {pattern} is the database's name with _ escaped, which is a wildcard in a grant on a whole database.
CREATE USER IF NOT EXISTS 'takedown_definer'@'localhost' ACCOUNT LOCK;
GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER, EXECUTE, CREATE TEMPORARY TABLES ON {pattern}.* TO 'takedown_definer'@'localhost';
