-- Lets a server speak for this database. What was written before stays as a record.
INSERT INTO adoptions (server, adopted_by) VALUES (%(server)s, %(by)s)
