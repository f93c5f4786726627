-- Asks for a flush. The number is larger than that of every flush that was carried out, whatever a backup has brought back.
UPDATE edges SET flush_asked = GREATEST(flush_asked, flush_done) + 1, flush_asked_by = %(by)s WHERE name = %(name)s
