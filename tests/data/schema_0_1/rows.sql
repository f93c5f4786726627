-- What a database of version 0.1 may hold, beside the images that a test imports.

-- Banned: an image, an owner, a code without an image. Lifted: one, and one with two rows, of which one is still open.
INSERT INTO bans (scope, subject, reason, banned_by, banned_at, lifted_at) VALUES
    ('image', 'banned', 'spam, "quoted", and ünïcode', 'bob', '2025-01-02 03:04:05.678', NULL),
    ('owner', 'villain', 'a farm of copies', 'carol', '2025-01-03 03:04:05', NULL),
    ('image', 'absent', '', '', '2025-01-04 03:04:05', NULL),
    ('image', 'lifted', 'by mistake', 'bob', '2025-01-05 03:04:05', '2025-01-06 00:00:00.001'),
    ('image', 'twice', 'first', 'bob', '2025-01-07 03:04:05', '2025-01-08'),
    ('image', 'twice', 'second', 'carol', '2025-01-09 03:04:05', NULL);
UPDATE bans SET lifted_at = '2025-01-07' WHERE subject = 'absent';
