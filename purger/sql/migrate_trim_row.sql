-- Comparisons ignore trailing spaces, so that such a ban hides an image all the same: its purge goes on without them.
INSERT INTO invalidations (scope, subject, cause, ban_id)
SELECT RTRIM(scope), RTRIM(subject), cause, ban_id
FROM invalidations FORCE INDEX (PRIMARY)
WHERE id = %(id)s AND RTRIM(scope) IN ('image', 'owner') AND LENGTH(RTRIM(scope)) = 5
    AND LENGTH(RTRIM(subject)) BETWEEN 1 AND 64 AND RTRIM(subject) NOT REGEXP '[^A-Za-z0-9_-]'
