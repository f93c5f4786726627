-- What version 0.1 let in from any session of MariaDB that wanted it. With the first such ban it numbered nothing more.
SET SESSION check_constraint_checks = 0;
INSERT INTO bans (scope, subject, banned_by) VALUES
    ('image', 'two words', 'malformed'),
    ('picture', 'cat', 'malformed'),
    ('image', 'line\nbreak', 'malformed');
-- It hides the image, since comparisons ignore trailing spaces, and was never purged.
INSERT INTO bans (scope, subject, reason, banned_by) VALUES ('image', 'padded  ', 'with spaces after it', 'dave');
INSERT INTO renditions (code, name, content_type, size, width, height, digest) VALUES
    ('crooked', 'original', 'text/html', 1, 1, 1, '../../../etc/passwd');
SET SESSION check_constraint_checks = 1;
INSERT INTO bans (scope, subject, reason, banned_by) VALUES ('image', 'stuck', 'behind the malformed ones', 'dave');
