DELETE FROM receipts WHERE edge = %(edge)s AND batch <= %(last)s ORDER BY edge, batch LIMIT 1000
