-- The statements that a purger of version 0.1 lives from, with values of a test.
SELECT last_batch, pruned_batch, EXISTS (SELECT 1 FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL), @@GLOBAL.read_only
FROM numbering
WHERE one = 1;

CALL number_invalidations_v1();

SELECT id, batch, scope, subject, cause
FROM invalidations FORCE INDEX (batch)
WHERE batch > 0 AND batch <= 2
ORDER BY batch, id;

SELECT batch, size FROM batches WHERE batch > 0 ORDER BY batch LIMIT 2000;

CALL standing_triggers_v1();

SELECT name, purge_url, public_url, token_file, instance, acknowledged, rebounded, triggers, CAST(UNIX_TIMESTAMP(epoch) AS DOUBLE)
FROM edges
WHERE enabled
ORDER BY name;

INSERT INTO receipts (edge, batch, first_batch, method, instance, acknowledged_at)
VALUES ('old', 1, 1, 'purge', 'abc', UTC_TIMESTAMP(6))
ON DUPLICATE KEY UPDATE edge = VALUES(edge);

INSERT INTO sightings (edge, invalidation, removed, seen_at, status, gone)
VALUES ('old', 1, 1, NULL, NULL, NULL)
ON DUPLICATE KEY UPDATE
    removed = COALESCE(removed, VALUES(removed)),
    status = IF(seen_at IS NULL, VALUES(status), status),
    gone = IF(seen_at IS NULL, VALUES(gone), gone),
    seen_at = COALESCE(seen_at, VALUES(seen_at));

UPDATE edges
SET acknowledged = IF(instance <=> 'abc' AND NOT FALSE, GREATEST(acknowledged, 1), 1),
    rebounded = IF(instance <=> 'abc' AND NOT FALSE, GREATEST(rebounded, 1), 1),
    triggers = 'none',
    instance = 'abc'
WHERE name = 'away';

UPDATE edges
SET seen_at = COALESCE(UTC_TIMESTAMP(3), seen_at), epoch = COALESCE(UTC_TIMESTAMP(3), epoch), problem = NULL
WHERE name = 'away';

INSERT INTO invalidations (scope, subject, cause) VALUES ('image', 'again', 'resend');

SELECT code FROM images WHERE owner = 'anna' AND code > '' ORDER BY code LIMIT 10;

SELECT name, digest FROM renditions WHERE code = 'kept';

SELECT id, scope, subject FROM bans WHERE id > 0 AND lifted_at IS NULL ORDER BY id LIMIT 10;

SELECT
    EXISTS (SELECT 1 FROM bans WHERE scope = 'image' AND subject = 'kept' AND lifted_at IS NULL)
    OR EXISTS (
        SELECT 1
        FROM images JOIN bans ON bans.scope = 'owner' AND bans.subject = images.owner AND bans.lifted_at IS NULL
        WHERE images.code = 'kept'
    );
