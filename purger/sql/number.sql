-- Numbers what is visible; answers last_batch and size.
CALL number_invalidations_v1()
