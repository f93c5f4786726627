DELETE FROM purgers WHERE id = %(id)s
