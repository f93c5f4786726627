SELECT owner FROM images WHERE code = %(code)s
