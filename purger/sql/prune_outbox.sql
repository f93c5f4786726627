-- Takes out what is past its retention, a chunk a call; answers size and more.
CALL prune_outbox_v2(%(days)s, %(receipt_days)s)
