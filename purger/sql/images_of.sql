SELECT code FROM images WHERE owner = %(owner)s AND code > %(after)s ORDER BY code LIMIT %(limit)s
