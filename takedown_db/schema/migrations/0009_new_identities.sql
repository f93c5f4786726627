-- Gives each later batch an identity of its own, also those that a purger of version 0.1 numbers.
ALTER TABLE batches ALTER COLUMN identity SET DEFAULT (UUID());
ALTER TABLE numbering ALTER COLUMN identity SET DEFAULT (UUID());
