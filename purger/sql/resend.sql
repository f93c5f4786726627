-- Sends a purge again. Bans nothing.
INSERT INTO invalidations (scope, subject, cause) VALUES ('image', %(code)s, 'resend')
