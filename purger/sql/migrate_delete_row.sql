DELETE FROM invalidations WHERE id = %(id)s
