-- Adds how far the contents of leaves were pruned, in batches, as 0002 has it for rows.
ALTER TABLE retention
    ADD COLUMN leaves_outbox_batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'leaves of batches up to this one were pruned, but for those with acts of moderation',
    ADD COLUMN leaves_receipts_batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'leaves of batches up to this one were pruned, but for subjects that were banned then';
