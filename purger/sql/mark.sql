-- The mark below which the outbox may no longer be whole, and the last batch number given.
SELECT pruned_batch, last_batch FROM numbering WHERE one = 1
