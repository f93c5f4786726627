-- Creates the triggers that check rows, by the same rules as the CHECKs in migrations/0001_schema.sql.
-- MariaDB lets every session switch CHECKs off (check_constraint_checks), and no session can switch off a trigger. Keep
-- both alike. Only the triggers have the rules of scopes, of digests to ban, of paths, and of the outbox. A changed
-- trigger gets a new name: see outbox_triggers.sql.
--
-- The server prepares each statement of a trigger anew for each row, and compiles each REGEXP. So a row of bans or of the
-- outbox that is right, as nearly all are, meets one condition, which holds all rules. Only what fails it meets the rules
-- one by one, which name what is wrong or mend it.
--
-- Only the server gives ids: after one row with a huge id the table takes no other. By INSERT_ID a session chooses the
-- next id without naming it.
--
-- A scope is compared AS BINARY, since other comparisons ignore trailing spaces. A condition that is unknown (NULL)
-- refuses too: a session without strict mode turns NULL into '' after these triggers have run.
DELIMITER //

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS bans_checked_insert BEFORE INSERT ON bans FOR EACH ROW
BEGIN
    SET @takedown_outbox = NULL, @takedown_outbox_before = NULL;
    IF (NEW.id = 0 AND @@SESSION.insert_id = 0
        AND CAST(NEW.scope AS BINARY) IN ('image', 'owner', 'digest')
        AND (LENGTH(NEW.subject) IN (32, 40, 64) OR NEW.scope <> 'digest' AND LENGTH(NEW.subject) BETWEEN 1 AND 64)
        AND NEW.subject NOT REGEXP IF(NEW.scope = 'digest', '[^0-9a-f]', '[^A-Za-z0-9_-]')
        AND YEAR(NEW.banned_at) * MONTH(NEW.banned_at) * DAYOFMONTH(NEW.banned_at) > 0
        AND NEW.lifted_at IS NULL AND NEW.lifted_by IS NULL AND NEW.lift_reason IS NULL) IS NOT TRUE THEN
        IF NEW.id <> 0 OR @@SESSION.insert_id <> 0 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bans.id is given by the server: leave the column out, and INSERT_ID alone';
        ELSEIF (CAST(NEW.scope AS BINARY) IN ('image', 'owner', 'digest')) IS NOT TRUE THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bans.scope must be image, owner or digest, in small letters and nothing else';
        ELSEIF ((LENGTH(NEW.subject) IN (32, 40, 64) OR NEW.scope <> 'digest' AND LENGTH(NEW.subject) BETWEEN 1 AND 64)
            AND NEW.subject NOT REGEXP IF(NEW.scope = 'digest', '[^0-9a-f]', '[^A-Za-z0-9_-]')) IS NOT TRUE THEN
            IF NEW.scope = 'digest' AND LENGTH(NEW.subject) BETWEEN 1 AND 64 AND NEW.subject NOT REGEXP '[^A-Za-z0-9_-]' THEN
                SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bans.subject of the scope digest must be a SHA-256, SHA-1 or MD5 as 64, 40 or 32 hex digits 0-9 a-f and nothing else';
            END IF;
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bans.subject must be 1 to 64 of A-Z a-z 0-9 _ - and nothing else';
        ELSEIF ((NEW.lifted_at IS NULL OR YEAR(NEW.lifted_at) * MONTH(NEW.lifted_at) * DAYOFMONTH(NEW.lifted_at) > 0)
            AND YEAR(NEW.banned_at) * MONTH(NEW.banned_at) * DAYOFMONTH(NEW.banned_at) > 0) IS NOT TRUE THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bans.banned_at and bans.lifted_at must be dates that exist; lifted_at NULL means that the ban stands';
        END IF;
        SET NEW.lifted_by = IF(NEW.lifted_at IS NULL, NULL, COALESCE(NEW.lifted_by, '')),
            NEW.lift_reason = IF(NEW.lifted_at IS NULL, NULL, COALESCE(NEW.lift_reason, ''));
    END IF;
    IF NEW.scope = 'digest' THEN
        CALL content_of_ban(NEW.subject, NEW.name);
    END IF;
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS bans_checked_update BEFORE UPDATE ON bans FOR EACH ROW
BEGIN
    SET @takedown_outbox = NULL, @takedown_outbox_before = NULL;
    IF NEW.id <> OLD.id THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bans.id is given by the server and cannot be changed';
    ELSEIF (CAST(NEW.scope AS BINARY) IN ('image', 'owner', 'digest')) IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bans.scope must be image, owner or digest, in small letters and nothing else';
    ELSEIF ((LENGTH(NEW.subject) IN (32, 40, 64) OR NEW.scope <> 'digest' AND LENGTH(NEW.subject) BETWEEN 1 AND 64)
        AND NEW.subject NOT REGEXP IF(NEW.scope = 'digest', '[^0-9a-f]', '[^A-Za-z0-9_-]')) IS NOT TRUE THEN
        IF NEW.scope = 'digest' AND LENGTH(NEW.subject) BETWEEN 1 AND 64 AND NEW.subject NOT REGEXP '[^A-Za-z0-9_-]' THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bans.subject of the scope digest must be a SHA-256, SHA-1 or MD5 as 64, 40 or 32 hex digits 0-9 a-f and nothing else';
        END IF;
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bans.subject must be 1 to 64 of A-Z a-z 0-9 _ - and nothing else';
    ELSEIF ((NEW.lifted_at IS NULL OR YEAR(NEW.lifted_at) * MONTH(NEW.lifted_at) * DAYOFMONTH(NEW.lifted_at) > 0)
        AND YEAR(NEW.banned_at) * MONTH(NEW.banned_at) * DAYOFMONTH(NEW.banned_at) > 0) IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'bans.banned_at and bans.lifted_at must be dates that exist; lifted_at NULL means that the ban stands';
    END IF;
    SET NEW.lifted_by = IF(NEW.lifted_at IS NULL, NULL, COALESCE(NEW.lifted_by, '')),
        NEW.lift_reason = IF(NEW.lifted_at IS NULL, NULL, COALESCE(NEW.lift_reason, ''));
    IF NEW.scope = 'digest' AND NEW.lifted_at IS NULL THEN
        CALL content_of_ban(NEW.subject, NEW.name);
    END IF;
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS bans_checked_delete BEFORE DELETE ON bans FOR EACH ROW
    SET @takedown_outbox = NULL, @takedown_outbox_before = NULL//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS images_checked_insert BEFORE INSERT ON images FOR EACH ROW
BEGIN
    IF (LENGTH(NEW.code) BETWEEN 1 AND 64 AND NEW.code NOT REGEXP '[^A-Za-z0-9_-]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'images.code must be 1 to 64 of A-Z a-z 0-9 _ - and nothing else';
    ELSEIF (LENGTH(NEW.owner) BETWEEN 1 AND 64 AND NEW.owner NOT REGEXP '[^A-Za-z0-9_-]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'images.owner must be 1 to 64 of A-Z a-z 0-9 _ - and nothing else';
    END IF;
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS images_checked_update BEFORE UPDATE ON images FOR EACH ROW
BEGIN
    SET @takedown_outbox = NULL, @takedown_outbox_before = NULL;
    IF (LENGTH(NEW.code) BETWEEN 1 AND 64 AND NEW.code NOT REGEXP '[^A-Za-z0-9_-]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'images.code must be 1 to 64 of A-Z a-z 0-9 _ - and nothing else';
    ELSEIF (LENGTH(NEW.owner) BETWEEN 1 AND 64 AND NEW.owner NOT REGEXP '[^A-Za-z0-9_-]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'images.owner must be 1 to 64 of A-Z a-z 0-9 _ - and nothing else';
    END IF;
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS images_checked_delete BEFORE DELETE ON images FOR EACH ROW
    SET @takedown_outbox = NULL, @takedown_outbox_before = NULL//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS renditions_checked_insert BEFORE INSERT ON renditions FOR EACH ROW
BEGIN
    IF (LENGTH(NEW.code) BETWEEN 1 AND 64 AND NEW.code NOT REGEXP '[^A-Za-z0-9_-]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'renditions.code must be 1 to 64 of A-Z a-z 0-9 _ - and nothing else';
    ELSEIF (LENGTH(NEW.name) BETWEEN 1 AND 32 AND NEW.name NOT REGEXP '[^a-z0-9_-]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'renditions.name must be 1 to 32 of a-z 0-9 _ - and nothing else';
    ELSEIF (LENGTH(NEW.content_type) <= 64 AND NEW.content_type LIKE 'image/_%' AND NEW.content_type NOT REGEXP '[^a-z0-9/+.-]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'renditions.content_type must be image/SUBTYPE: up to 64 of a-z 0-9 / + . - and nothing else';
    ELSEIF (LENGTH(NEW.digest) = 64 AND NEW.digest NOT REGEXP '[^0-9a-f]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'renditions.digest must be a SHA-256 as 64 hex digits 0-9 a-f and nothing else';
    ELSEIF (NEW.path IS NULL OR CHAR_LENGTH(NEW.path) BETWEEN 1 AND 1000 AND NEW.path NOT REGEXP '(^|/)[.]{0,2}(/|$)|[[:cntrl:]]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'renditions.path must be relative, without empty segments, . and .., and without control characters';
    END IF;
    IF NOT NEW.named THEN
        SET NEW.content = IF(NEW.name = 'original', content_of_name(NEW.digest), NEW.digest);
    ELSEIF (LENGTH(NEW.content) = 64 AND NEW.content NOT REGEXP '[^0-9a-f]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'renditions.content must be 64 hex digits 0-9 a-f and nothing else';
    END IF;
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS renditions_checked_update BEFORE UPDATE ON renditions FOR EACH ROW
BEGIN
    IF (LENGTH(NEW.code) BETWEEN 1 AND 64 AND NEW.code NOT REGEXP '[^A-Za-z0-9_-]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'renditions.code must be 1 to 64 of A-Z a-z 0-9 _ - and nothing else';
    ELSEIF (LENGTH(NEW.name) BETWEEN 1 AND 32 AND NEW.name NOT REGEXP '[^a-z0-9_-]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'renditions.name must be 1 to 32 of a-z 0-9 _ - and nothing else';
    ELSEIF (LENGTH(NEW.content_type) <= 64 AND NEW.content_type LIKE 'image/_%' AND NEW.content_type NOT REGEXP '[^a-z0-9/+.-]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'renditions.content_type must be image/SUBTYPE: up to 64 of a-z 0-9 / + . - and nothing else';
    ELSEIF (LENGTH(NEW.digest) = 64 AND NEW.digest NOT REGEXP '[^0-9a-f]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'renditions.digest must be a SHA-256 as 64 hex digits 0-9 a-f and nothing else';
    ELSEIF (NEW.path IS NULL OR CHAR_LENGTH(NEW.path) BETWEEN 1 AND 1000 AND NEW.path NOT REGEXP '(^|/)[.]{0,2}(/|$)|[[:cntrl:]]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'renditions.path must be relative, without empty segments, . and .., and without control characters';
    END IF;
    IF NOT NEW.named OR (NEW.digest <> OLD.digest AND NEW.content = OLD.content) THEN
        SET NEW.content = IF(NEW.name = 'original', content_of_name(NEW.digest), NEW.digest);
    ELSEIF (LENGTH(NEW.content) = 64 AND NEW.content NOT REGEXP '[^0-9a-f]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'renditions.content must be 64 hex digits 0-9 a-f and nothing else';
    END IF;
END//

-- Lets a malformed row be deleted that was written while the triggers were missing: the purge of a malformed key, which
-- no image has, is written for the key '-'. Trailing spaces are removed first, since 'abc ' equals 'abc' in comparisons.
CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS invalidations_checked_insert BEFORE INSERT ON invalidations FOR EACH ROW
BEGIN
    IF (NEW.id = 0 AND @@SESSION.insert_id = 0 AND NEW.batch IS NULL
        AND CAST(NEW.scope AS BINARY) IN ('image', 'owner', 'digest')
        AND LENGTH(NEW.subject) BETWEEN IF(NEW.scope = 'digest', 64, 1) AND 64
        AND NEW.subject NOT REGEXP IF(NEW.scope = 'digest', '[^0-9a-f]', '[^A-Za-z0-9_-]')
        AND CAST(NEW.cause AS BINARY) IN ('ban', 'lift', 'unban', 'image', 'rendition', 'resend')) IS NOT TRUE THEN
        IF NEW.cause IN ('unban', 'lift', 'image', 'rendition') THEN
            SET NEW.scope = IF(RTRIM(NEW.scope) IN ('image', 'owner', 'digest'), RTRIM(NEW.scope), 'image');
            SET NEW.subject = RTRIM(NEW.subject);
            IF (LENGTH(NEW.subject) BETWEEN 1 AND 64 AND NEW.subject NOT REGEXP '[^A-Za-z0-9_-]'
                AND (NEW.scope <> 'digest' OR (LENGTH(NEW.subject) = 64 AND NEW.subject NOT REGEXP '[^0-9a-f]'))) IS NOT TRUE THEN
                SET NEW.scope = 'image', NEW.subject = '-';
            END IF;
        END IF;
        IF NEW.id <> 0 OR @@SESSION.insert_id <> 0 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'invalidations.id is given by the server: leave the column out, and INSERT_ID alone';
        ELSEIF NEW.batch IS NOT NULL THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'invalidations.batch is given by numbering: leave the column out';
        ELSEIF (CAST(NEW.scope AS BINARY) IN ('image', 'owner', 'digest')) IS NOT TRUE THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'invalidations.scope must be image, owner or digest, in small letters and nothing else';
        ELSEIF (LENGTH(NEW.subject) BETWEEN IF(NEW.scope = 'digest', 64, 1) AND 64
            AND NEW.subject NOT REGEXP IF(NEW.scope = 'digest', '[^0-9a-f]', '[^A-Za-z0-9_-]')) IS NOT TRUE THEN
            IF NEW.scope = 'digest' AND LENGTH(NEW.subject) BETWEEN 1 AND 64 AND NEW.subject NOT REGEXP '[^A-Za-z0-9_-]' THEN
                SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'invalidations.subject of the scope digest must be a SHA-256 as 64 hex digits 0-9 a-f and nothing else';
            END IF;
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'invalidations.subject must be 1 to 64 of A-Z a-z 0-9 _ - and nothing else';
        ELSEIF (CAST(NEW.cause AS BINARY) IN ('ban', 'lift', 'unban', 'image', 'rendition', 'resend')) IS NOT TRUE THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'invalidations.cause must be ban, lift, unban, image, rendition or resend, and nothing else';
        END IF;
    END IF;
END//

CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS edges_checked_insert BEFORE INSERT ON edges FOR EACH ROW
BEGIN
    IF (LENGTH(NEW.name) BETWEEN 1 AND 64 AND NEW.name NOT REGEXP '[^A-Za-z0-9_.-]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'edges.name must be 1 to 64 of A-Z a-z 0-9 _ - . and nothing else';
    ELSEIF (NEW.purge_url NOT REGEXP '[^!-~]' AND NEW.public_url NOT REGEXP '[^!-~]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'edges.purge_url and edges.public_url must be of printable ASCII without spaces';
    END IF;
END//

-- Checks only the columns that change: progress is written all the time.
CREATE DEFINER = 'takedown_definer'@'localhost' TRIGGER IF NOT EXISTS edges_checked_update BEFORE UPDATE ON edges FOR EACH ROW
BEGIN
    IF NOT (CAST(NEW.name AS BINARY) <=> CAST(OLD.name AS BINARY))
        AND (LENGTH(NEW.name) BETWEEN 1 AND 64 AND NEW.name NOT REGEXP '[^A-Za-z0-9_.-]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'edges.name must be 1 to 64 of A-Z a-z 0-9 _ - . and nothing else';
    ELSEIF NOT (NEW.purge_url <=> OLD.purge_url AND NEW.public_url <=> OLD.public_url)
        AND (NEW.purge_url NOT REGEXP '[^!-~]' AND NEW.public_url NOT REGEXP '[^!-~]') IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'edges.purge_url and edges.public_url must be of printable ASCII without spaces';
    END IF;
END//
