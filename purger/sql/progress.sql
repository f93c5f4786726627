-- Progress goes only forward, unless it belongs to another instance than before or the edge was flushed. Its caller has cut
-- it to the last batch of this database. The instance is assigned last: what stands before compares it.
UPDATE edges
SET acknowledged = IF(instance <=> %(instance)s AND NOT %(flushed)s, GREATEST(acknowledged, %(acknowledged)s), %(acknowledged)s),
    rebounded = IF(instance <=> %(instance)s AND NOT %(flushed)s, GREATEST(rebounded, %(rebounded)s), %(rebounded)s),
    rebounded_later = IF(
        instance <=> %(instance)s AND NOT %(flushed)s,
        GREATEST(rebounded_later, %(rebounded_later)s), %(rebounded_later)s
    ),
    rebounded_last = IF(
        instance <=> %(instance)s AND NOT %(flushed)s,
        GREATEST(rebounded_last, %(rebounded_last)s), %(rebounded_last)s
    ),
    flushed_at = %(flushed_at)s,
    triggers = %(triggers)s,
    flush_done = GREATEST(flush_done, %(flush_done)s),
    instance = %(instance)s
WHERE name = %(name)s
