"""Says how old the signature of a living purger in the table ``purgers`` may be."""

#: Seconds by the database's clock after which a purger that has not signed counts as dead or frozen.
ALIVE = 5.0
