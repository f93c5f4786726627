-- How many rows each batch after %(after)s has.
SELECT batch, size FROM batches WHERE batch > %(after)s ORDER BY batch LIMIT 2000
