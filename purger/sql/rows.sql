-- The rows of the batches after %(after)s up to %(last)s.
SELECT id, batch, scope, subject, cause
FROM invalidations FORCE INDEX (batch)
WHERE batch > %(after)s AND batch <= %(last)s
ORDER BY batch, id
