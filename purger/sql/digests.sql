SELECT name, digest FROM renditions WHERE code = %(code)s
