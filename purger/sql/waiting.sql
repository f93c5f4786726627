-- The oldest changes that are committed and have no number.
SELECT id FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL ORDER BY id LIMIT 1000
