UPDATE edges
SET seen_at = COALESCE(%(seen_at)s, seen_at), epoch = COALESCE(%(epoch)s, epoch), problem = %(problem)s
WHERE name = %(name)s
