UPDATE edges SET enabled = %(enabled)s WHERE name = %(name)s
