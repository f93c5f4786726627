-- The server that speaks for this database, since when, and by whose word.
SELECT server, adopted_at, adopted_by FROM adoptions ORDER BY id DESC LIMIT 1
