-- Waits for rows, numbers them and answers them, and then one row on the outbox as a whole.
CALL take_invalidations_v2(%(known)s, %(identity)s, %(speaker)s, %(batches)s, %(after)s, %(wait)s, %(step)s)
