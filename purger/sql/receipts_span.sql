-- How far back the record goes: when the tables and the log were made, what has left the outbox with its receipts, whether
-- a version before the log has pruned, and when the oldest batch that is left was numbered. UTC.
SELECT
    (SELECT applied_at FROM schema_versions WHERE version = 1),
    (SELECT applied_at FROM schema_versions WHERE version = 2),
    receipts_until,
    (SELECT pruned_batch > 0 FROM numbering WHERE one = 1),
    (SELECT numbered_at FROM batches ORDER BY batch LIMIT 1)
FROM retention
WHERE one = 1
