SELECT name, purge_url, public_url, token_file, enabled, instance, acknowledged, seen_at, epoch, problem
FROM edges
ORDER BY name
