"""Defines after how many seconds without a signature in the table ``purgers`` a purger counts as dead."""

#: Seconds by the database's clock after which a purger that has not signed counts as dead or frozen.
ALIVE = 5.0
