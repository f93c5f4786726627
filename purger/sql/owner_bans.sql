-- The open bans of an image's owner, the oldest first.
CALL owner_bans_v1(%(code)s)
