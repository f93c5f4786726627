DELETE FROM sightings WHERE edge = %(edge)s AND invalidation < %(first)s ORDER BY edge, invalidation LIMIT 1000
