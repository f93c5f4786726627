INSERT IGNORE INTO unnumberable (id, scope, subject, cause, ban_id, written_at, found_at)
SELECT id, scope, subject, cause, ban_id, written_at, UTC_TIMESTAMP(6)
FROM invalidations FORCE INDEX (PRIMARY)
WHERE id = %(id)s
