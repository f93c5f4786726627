-- How many rows each batch after %(after)s has, and its identity.
SELECT batch, size, identity FROM batches WHERE batch > %(after)s ORDER BY batch LIMIT 2000
