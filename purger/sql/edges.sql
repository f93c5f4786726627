SELECT name, purge_url, public_url, token_file, instance, acknowledged, rebounded, triggers,
    CAST(UNIX_TIMESTAMP(epoch) AS DOUBLE),
    IF(flush_asked > flush_done, flush_asked, NULL), flush_asked_by, ca_file, certificate_file, key_file
FROM edges
WHERE enabled
ORDER BY name
