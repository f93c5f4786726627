INSERT INTO edges (name, purge_url, public_url, token_file)
VALUES (%(name)s, %(purge_url)s, %(public_url)s, %(token_file)s)
