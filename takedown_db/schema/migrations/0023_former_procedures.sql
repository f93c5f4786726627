-- Drops the procedures of moderation's account that unreleased versions had before bans by content, with their grants.
-- No released version calls them.
DROP PROCEDURE IF EXISTS acknowledgements_v1;
DROP PROCEDURE IF EXISTS unwritten_ban_v1;
DROP PROCEDURE IF EXISTS owner_bans_v1;
DROP PROCEDURE IF EXISTS subject_known_v1;
