-- Creates the triggers that write each change into the outbox.
-- They only INSERT: one that also updated an image's row would make moderators' transactions wait for each other, and
-- deadlock.
--
-- A changed trigger gets a new name here (_2). `purger migrate` creates it and then drops the former one, so that no
-- write is missed: docs/operate/database.md, "Upgrades".
DELIMITER //

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS bans_inserted AFTER INSERT ON bans FOR EACH ROW
    INSERT INTO invalidations (scope, subject, cause, ban_id) VALUES (NEW.scope, NEW.subject, 'ban', NEW.id)//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS bans_updated AFTER UPDATE ON bans FOR EACH ROW
BEGIN
    IF OLD.scope <> NEW.scope OR OLD.subject <> NEW.subject THEN
        INSERT INTO invalidations (scope, subject, cause, ban_id) VALUES (OLD.scope, OLD.subject, 'unban', OLD.id);
        INSERT INTO invalidations (scope, subject, cause, ban_id) VALUES (NEW.scope, NEW.subject, 'ban', NEW.id);
    ELSEIF (OLD.lifted_at IS NULL) <> (NEW.lifted_at IS NULL) THEN
        INSERT INTO invalidations (scope, subject, cause, ban_id)
        VALUES (NEW.scope, NEW.subject, IF(NEW.lifted_at IS NULL, 'ban', 'lift'), NEW.id);
    END IF;
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS bans_deleted AFTER DELETE ON bans FOR EACH ROW
    INSERT INTO invalidations (scope, subject, cause, ban_id) VALUES (OLD.scope, OLD.subject, 'unban', OLD.id)//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS images_inserted AFTER INSERT ON images FOR EACH ROW
    INSERT INTO invalidations (scope, subject, cause) VALUES ('image', NEW.code, 'image')//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS images_updated AFTER UPDATE ON images FOR EACH ROW
BEGIN
    IF OLD.code <> NEW.code THEN
        INSERT INTO invalidations (scope, subject, cause) VALUES ('image', OLD.code, 'image'), ('image', NEW.code, 'image');
    ELSEIF OLD.owner <> NEW.owner OR NOT (OLD.stable_until <=> NEW.stable_until) THEN
        INSERT INTO invalidations (scope, subject, cause) VALUES ('image', NEW.code, 'image');
    END IF;
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS images_deleted AFTER DELETE ON images FOR EACH ROW
    INSERT INTO invalidations (scope, subject, cause) VALUES ('image', OLD.code, 'image')//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS renditions_inserted AFTER INSERT ON renditions FOR EACH ROW
    INSERT INTO invalidations (scope, subject, cause) VALUES ('image', NEW.code, 'rendition')//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS renditions_updated AFTER UPDATE ON renditions FOR EACH ROW
BEGIN
    IF OLD.code <> NEW.code THEN
        INSERT INTO invalidations (scope, subject, cause)
        VALUES ('image', OLD.code, 'rendition'), ('image', NEW.code, 'rendition');
    ELSEIF OLD.name <> NEW.name OR OLD.digest <> NEW.digest OR OLD.content_type <> NEW.content_type OR OLD.size <> NEW.size OR OLD.content <> NEW.content THEN
        INSERT INTO invalidations (scope, subject, cause) VALUES ('image', NEW.code, 'rendition');
    END IF;
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS renditions_deleted AFTER DELETE ON renditions FOR EACH ROW
    INSERT INTO invalidations (scope, subject, cause) VALUES ('image', OLD.code, 'rendition')//
