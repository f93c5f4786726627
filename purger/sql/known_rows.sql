-- The rows of the outbox that have one of the ids in the JSON array %(ids)s.
SELECT STRAIGHT_JOIN invalidations.id, invalidations.scope, invalidations.subject
FROM JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS asked
JOIN invalidations ON invalidations.id = asked.id
