-- Purgers that signed within so many seconds, enabled edges, the largest id in the outbox.
CALL delivery_v1(%(alive)s)
