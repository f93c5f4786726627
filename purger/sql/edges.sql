SELECT name, purge_url, public_url, token_file, ca_file, certificate_file, key_file,
    instance, acknowledged, rebounded, rebounded_later, rebounded_last, triggers,
    CAST(UNIX_TIMESTAMP(epoch) AS DOUBLE), CAST(UNIX_TIMESTAMP(flushed_at) AS DOUBLE),
    IF(flush_asked > flush_done, flush_asked, NULL), flush_asked_by
FROM edges
WHERE enabled
ORDER BY name
