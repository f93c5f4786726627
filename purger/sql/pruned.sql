-- The mark, and the first row that is left, if any.
SELECT pruned_batch, (SELECT MIN(id) FROM invalidations) FROM numbering WHERE one = 1
