-- The next id that each table will give, as far as the account may see it, and the largest that is there.
SELECT 'bans', COALESCE((SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'bans'), 0),
    COALESCE((SELECT MAX(id) FROM bans), 0)
UNION ALL
SELECT 'invalidations', COALESCE((SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'invalidations'), 0),
    COALESCE((SELECT MAX(id) FROM invalidations), 0)
UNION ALL
SELECT 'moderation_log', COALESCE((SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'moderation_log'), 0),
    COALESCE((SELECT MAX(id) FROM moderation_log), 0)
