-- Bans that no CHECK let in. What is equal to a well-formed key but for trailing spaces does ban: 'abc ' compares as 'abc'.
SELECT id, scope, subject,
    RTRIM(scope) IN ('image', 'owner') AND LENGTH(RTRIM(scope)) = 5
    AND LENGTH(RTRIM(subject)) BETWEEN 1 AND 64 AND RTRIM(subject) NOT REGEXP '[^A-Za-z0-9_-]'
FROM bans
WHERE scope NOT IN ('image', 'owner') OR LENGTH(scope) <> 5
    OR LENGTH(subject) NOT BETWEEN 1 AND 64 OR subject REGEXP '[^A-Za-z0-9_-]'
ORDER BY id
LIMIT 1000
