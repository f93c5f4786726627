-- The answered request for a flush, of those that this database knows: one that was lost is asked for under the same number.
UPDATE edges
SET flush_done = GREATEST(flush_done, LEAST(flush_asked, %(flush_done)s))
WHERE name = %(name)s
