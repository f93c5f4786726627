-- The last batch number that this database has given.
SELECT last_batch FROM numbering WHERE one = 1
