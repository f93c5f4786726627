-- {trigger} is one of the names in schema/triggers.sql.
DROP TRIGGER IF EXISTS {trigger}
