DELETE FROM bans WHERE id = %(id)s
