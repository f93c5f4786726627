-- The mark below which the outbox may no longer be whole.
SELECT pruned_batch FROM numbering WHERE one = 1
