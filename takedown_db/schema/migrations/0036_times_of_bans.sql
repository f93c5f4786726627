-- Adds to the log of moderation the times of a ban as each act left them, so that an audit can compare them with the ban.
ALTER TABLE moderation_log
    ADD COLUMN banned_at DATETIME(3) NULL COMMENT 'bans.banned_at after the act, or before the deletion; NULL: an act on no ban, or of before this column',
    ADD COLUMN lifted_at DATETIME(3) NULL COMMENT 'bans.lifted_at, likewise';
