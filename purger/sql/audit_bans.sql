-- A page of what is banned, by primary key.
SELECT id, scope, subject FROM bans WHERE id > %(after)s AND lifted_at IS NULL ORDER BY id LIMIT %(limit)s
