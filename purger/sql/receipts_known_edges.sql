SELECT name, public_url, enabled, added_at, triggers FROM edges ORDER BY name
