SELECT name, purge_url, public_url, token_file, ca_file, certificate_file, key_file
FROM edges
WHERE name = %(name)s
