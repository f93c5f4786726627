SELECT name, purge_url, public_url, token_file, enabled, instance, acknowledged, seen_at, epoch, problem,
    ca_file, certificate_file, key_file
FROM edges
ORDER BY name
