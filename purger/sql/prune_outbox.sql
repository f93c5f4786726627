CALL prune_outbox_v1(%(before)s)
