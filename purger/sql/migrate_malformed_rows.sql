-- Committed rows of the outbox that cannot be numbered, and would keep all others from it.
SELECT id
FROM invalidations FORCE INDEX (batch)
WHERE batch IS NULL AND (scope NOT IN ('image', 'owner') OR LENGTH(scope) <> 5
    OR LENGTH(subject) NOT BETWEEN 1 AND 64 OR subject REGEXP '[^A-Za-z0-9_-]')
LIMIT 10000
