UPDATE edges
SET purge_url = %(purge_url)s, public_url = %(public_url)s, token_file = %(token_file)s, ca_file = %(ca_file)s,
    certificate_file = %(certificate_file)s, key_file = %(key_file)s
WHERE name = %(name)s
