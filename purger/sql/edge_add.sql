INSERT INTO edges (name, purge_url, public_url, token_file, ca_file, certificate_file, key_file)
VALUES (
    %(name)s, %(purge_url)s, %(public_url)s, %(token_file)s, %(ca_file)s, %(certificate_file)s, %(key_file)s
)
