-- The last batch number, the mark of pruning, whether committed rows still wait for a number, and whether the server has
-- become read-only: a primary that was demoted under a connection that stays open, and sees no new bans.
SELECT
    last_batch,
    pruned_batch,
    EXISTS (SELECT 1 FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL),
    @@GLOBAL.read_only
FROM numbering
WHERE one = 1
