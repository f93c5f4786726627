-- Whose some images are that this transaction has written, and so locked. A read without a lock could show older rows:
-- those of its first read, which a trigger may have made.
SELECT code, owner FROM images WHERE code IN ({codes}) LOCK IN SHARE MODE
