DELETE FROM edges WHERE name = %(name)s
