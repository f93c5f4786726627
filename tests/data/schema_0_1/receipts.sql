-- What edges acknowledged; one of them was removed since.
INSERT INTO edges (name, purge_url, public_url, token_file, enabled, instance, acknowledged, rebounded, problem) VALUES
    ('away', 'http://127.0.0.1:1', 'http://127.0.0.1:2', '/nowhere', FALSE, 'abc', 1, 1, 'unreachable');
INSERT INTO receipts (edge, batch, first_batch, method, instance, acknowledged_at)
SELECT 'edge1', batch, batch, 'ban', 'abc', TIMESTAMPADD(MICROSECOND, 9000, numbered_at) FROM batches
UNION ALL
SELECT 'removed', batch, batch, 'purge', 'def', TIMESTAMPADD(MICROSECOND, 8000, numbered_at) FROM batches;
INSERT INTO sightings (edge, invalidation, removed, seen_at, status, gone)
SELECT 'edge1', id, 2, '2025-01-10 00:00:00.123456', 410, TRUE FROM invalidations WHERE cause = 'ban'
UNION ALL
SELECT 'removed', id, NULL, NULL, NULL, NULL FROM invalidations WHERE cause = 'lift';
