"""The moderation database, as origin and purger share it: schema, statements, connections, errors."""
