-- Creates the locked account under which triggers and routines run.
-- Nobody can log in with it. It belongs to no person, so that nobody drops it when a person leaves: then every ban
-- would fail (error 1449). {pattern} is the database's name with _ escaped: it is a wildcard in a GRANT on a whole
-- database.
CREATE USER IF NOT EXISTS 'takedown_definer'@'localhost' ACCOUNT LOCK;
GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER, EXECUTE, CREATE TEMPORARY TABLES ON {pattern}.* TO 'takedown_definer'@'localhost';
