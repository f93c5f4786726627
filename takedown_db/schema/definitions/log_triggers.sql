-- Creates the triggers that write the log of moderation (moderation_log), and those that keep the record of erasures.
-- They are apart from those that write the outbox (outbox_triggers.sql): while one of those is missing no edge gets a
-- heartbeat, and without these no purge is lost.
--
-- None of them reads a table. With a binary log in the format MIXED such a read locks the rows until the moderator's
-- transaction ends, and other moderators and imports would wait for it. The id of the outbox's row therefore comes from
-- the trigger on the outbox in a session variable, which the BEFORE trigger (check_triggers.sql) of each row clears.
--
-- No comments inside a trigger: its text is compared with this file word for word, whatever the line breaks.
DELIMITER //

-- Sets the account and the time of each row. UTC_TIMESTAMP can be set by the session (SET TIMESTAMP); SYSDATE cannot,
-- and UNIX_TIMESTAMP removes the session's time zone from it.
CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS moderation_log_signed BEFORE INSERT ON moderation_log FOR EACH ROW
BEGIN
    IF NEW.id <> 0 OR @@SESSION.insert_id <> 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'moderation_log.id is given by the server: name none, and leave INSERT_ID alone';
    END IF;
    SET NEW.account = USER();
    SET NEW.logged_at = TIMESTAMPADD(MICROSECOND, UNIX_TIMESTAMP(SYSDATE(6)) * 1000000, '1970-01-01');
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS moderation_log_kept BEFORE UPDATE ON moderation_log FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'moderation_log is append-only: its rows cannot be changed'//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS moderation_log_whole BEFORE DELETE ON moderation_log FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'moderation_log is append-only: its rows cannot be deleted'//

-- Refuses the id 0, which a session with NO_AUTO_VALUE_ON_ZERO can write: a BEFORE trigger cannot tell it from no id.
CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS invalidations_inserted AFTER INSERT ON invalidations FOR EACH ROW
BEGIN
    IF NEW.id = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'invalidations.id is given by the server: leave the column out';
    END IF;
    SET @takedown_outbox_before = @takedown_outbox, @takedown_outbox = NEW.id;
END//

-- A ban that is not lifted, as nearly all are, is logged by a shorter statement: the server prepares it for each row.
CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS bans_inserted_log AFTER INSERT ON bans FOR EACH ROW FOLLOWS bans_inserted
BEGIN
    IF NEW.id <> 0 AND NEW.lifted_at IS NULL THEN
        INSERT INTO moderation_log (action, ban_id, scope, subject, reason, banned_by, banned_at, invalidation)
        VALUES ('ban', NEW.id, NEW.scope, NEW.subject, NEW.reason, NEW.banned_by, NEW.banned_at, @takedown_outbox);
    ELSEIF NEW.id = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bans.id is given by the server: leave the column out';
    ELSE
        INSERT INTO moderation_log (
            action, ban_id, scope, subject, reason, banned_by, banned_at, lifted_at, lifted_by, lift_reason, detail, invalidation
        )
        VALUES ('ban', NEW.id, NEW.scope, NEW.subject, NEW.reason, NEW.banned_by, NEW.banned_at, NEW.lifted_at, NEW.lifted_by,
            NEW.lift_reason, JSON_OBJECT('lifted_at', NEW.lifted_at), @takedown_outbox);
    END IF;
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS bans_updated_log AFTER UPDATE ON bans FOR EACH ROW FOLLOWS bans_updated
BEGIN
    IF OLD.scope <> NEW.scope OR OLD.subject <> NEW.subject THEN
        INSERT INTO moderation_log (
            action, ban_id, scope, subject, reason, banned_by, banned_at, lifted_at, lifted_by, lift_reason, invalidation
        )
        VALUES ('unban', OLD.id, OLD.scope, OLD.subject, OLD.reason, OLD.banned_by, OLD.banned_at, OLD.lifted_at, OLD.lifted_by,
                OLD.lift_reason, @takedown_outbox_before),
            ('ban', NEW.id, NEW.scope, NEW.subject, NEW.reason, NEW.banned_by, NEW.banned_at, NEW.lifted_at, NEW.lifted_by,
                NEW.lift_reason, @takedown_outbox);
    ELSEIF (OLD.lifted_at IS NULL) <> (NEW.lifted_at IS NULL) THEN
        INSERT INTO moderation_log (
            action, ban_id, scope, subject, reason, banned_by, banned_at, lifted_at, lifted_by, lift_reason, invalidation
        )
        VALUES (IF(NEW.lifted_at IS NULL, 'ban', 'lift'), NEW.id, NEW.scope, NEW.subject, NEW.reason, NEW.banned_by,
            NEW.banned_at, NEW.lifted_at, NEW.lifted_by, NEW.lift_reason, @takedown_outbox);
    END IF;
    IF CAST(OLD.reason AS BINARY) <> CAST(NEW.reason AS BINARY) OR CAST(OLD.banned_by AS BINARY) <> CAST(NEW.banned_by AS BINARY)
        OR OLD.banned_at <> NEW.banned_at OR OLD.lifted_at <> NEW.lifted_at
        OR CAST(OLD.lifted_by AS BINARY) <> CAST(NEW.lifted_by AS BINARY)
        OR CAST(OLD.lift_reason AS BINARY) <> CAST(NEW.lift_reason AS BINARY) THEN
        INSERT INTO moderation_log (
            action, ban_id, scope, subject, reason, banned_by, banned_at, lifted_at, lifted_by, lift_reason, detail
        )
        VALUES ('change', NEW.id, NEW.scope, NEW.subject, NEW.reason, NEW.banned_by, NEW.banned_at, NEW.lifted_at, NEW.lifted_by,
            NEW.lift_reason, JSON_OBJECT(
                'reason', OLD.reason, 'banned_by', OLD.banned_by, 'banned_at', OLD.banned_at, 'lifted_at', OLD.lifted_at,
                'lifted_by', OLD.lifted_by, 'lift_reason', OLD.lift_reason));
    END IF;
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS bans_deleted_log AFTER DELETE ON bans FOR EACH ROW FOLLOWS bans_deleted
BEGIN
    INSERT INTO moderation_log (
        action, ban_id, scope, subject, reason, banned_by, banned_at, lifted_at, lifted_by, lift_reason, detail, invalidation
    )
    VALUES ('unban', OLD.id, OLD.scope, OLD.subject, OLD.reason, OLD.banned_by, OLD.banned_at, OLD.lifted_at, OLD.lifted_by, OLD.lift_reason,
        IF(OLD.lifted_at IS NULL, NULL, JSON_OBJECT('lifted_at', OLD.lifted_at)), @takedown_outbox);
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS images_updated_log AFTER UPDATE ON images FOR EACH ROW FOLLOWS images_updated
BEGIN
    IF OLD.code <> NEW.code OR OLD.owner <> NEW.owner THEN
        INSERT INTO moderation_log (action, scope, subject, owner, detail, invalidation)
        VALUES ('move', 'image', OLD.code, OLD.owner, CONCAT('now code ', NEW.code, ' of owner ', NEW.owner),
            IF(OLD.code <> NEW.code, @takedown_outbox_before, @takedown_outbox));
    END IF;
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS images_deleted_log AFTER DELETE ON images FOR EACH ROW FOLLOWS images_deleted
BEGIN
    INSERT INTO moderation_log (action, scope, subject, owner, detail, invalidation)
    VALUES ('move', 'image', OLD.code, OLD.owner, 'deleted', @takedown_outbox);
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS erasures_signed BEFORE INSERT ON erasures FOR EACH ROW
BEGIN
    IF NEW.id <> 0 OR @@SESSION.insert_id <> 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'erasures.id is given by the server: name none, and leave INSERT_ID alone';
    ELSEIF (CAST(NEW.action AS BINARY) IN ('begin', 'erased', 'kept', 'done')) IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'erasures.action must be begin, erased, kept or done';
    ELSEIF (LENGTH(NEW.original) = 64 AND NEW.original NOT REGEXP '[^0-9a-f]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'erasures.original must be a SHA-256 as 64 hex digits 0-9 a-f and nothing else';
    ELSEIF (NEW.digest IS NULL OR LENGTH(NEW.digest) = 64 AND NEW.digest NOT REGEXP '[^0-9a-f]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'erasures.digest must be a SHA-256 as 64 hex digits 0-9 a-f and nothing else';
    END IF;
    SET NEW.account = USER();
    SET NEW.written_at = TIMESTAMPADD(MICROSECOND, UNIX_TIMESTAMP(SYSDATE(6)) * 1000000, '1970-01-01');
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS erasures_kept BEFORE UPDATE ON erasures FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'erasures is append-only: its rows cannot be changed'//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS erasures_whole BEFORE DELETE ON erasures FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'erasures is append-only: its rows cannot be deleted'//
