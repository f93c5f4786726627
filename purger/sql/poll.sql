-- The last batch number, the mark of pruning, whether committed rows still wait for a number, and whether the server has
-- become read-only: a primary that was demoted under a connection that stays open, and sees no new bans. read_only is a
-- number in MySQL and before MariaDB 12.0, and a word since.
SELECT
    last_batch,
    pruned_batch,
    EXISTS (SELECT 1 FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL),
    CAST(@@GLOBAL.read_only AS CHAR) NOT IN ('0', 'OFF')
FROM numbering
WHERE one = 1
