-- name: adopt_server
-- Lets a server speak for this database. What was written before stays as a record.
INSERT INTO adoptions (server, adopted_by) VALUES (%(server)s, %(by)s)

-- name: newest_adoption
-- The server that speaks for this database, since when, and by whose word.
SELECT server, adopted_at, adopted_by FROM adoptions ORDER BY id DESC LIMIT 1
