-- Gives each further batch an identity of its own by default, also those that a purger of version 0.1 numbers.
-- 0007 could give the batches so far only one identity for all.
ALTER TABLE batches ALTER COLUMN identity SET DEFAULT (UUID());
ALTER TABLE numbering ALTER COLUMN identity SET DEFAULT (UUID());
