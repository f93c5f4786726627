-- Statements on the adopted server: the one database server on which purgers act.

-- name: adopt_server
-- Adopts a server: from now on purgers on it deliver for this database. Earlier rows stay as a record.
INSERT INTO adoptions (server, adopted_by) VALUES (%(server)s, %(by)s)

-- name: newest_adoption
-- Reads the adopted server, the time of its adoption (UTC), and the account that adopted it.
SELECT server, adopted_at, adopted_by FROM adoptions ORDER BY id DESC LIMIT 1
