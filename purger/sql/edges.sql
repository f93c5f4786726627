SELECT name, purge_url, public_url, token_file, instance, acknowledged, rebounded, triggers
FROM edges
WHERE enabled
ORDER BY name
