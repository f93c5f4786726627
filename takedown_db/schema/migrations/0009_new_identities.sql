-- From here on each batch has an identity of its own, also one that a purger of version 0.1 numbers.
ALTER TABLE batches ALTER COLUMN identity SET DEFAULT (UUID());
ALTER TABLE numbering ALTER COLUMN identity SET DEFAULT (UUID());
