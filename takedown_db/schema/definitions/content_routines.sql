-- Creates the routines that know each content under all its names.
--
-- The world names a file by its SHA-256, SHA-1 or MD5 as it was received. Its canonical SHA-256, of the file without
-- its metadata, is a fourth name, which files share that differ in metadata only. content_names leads from each name to
-- one content. The rows of images and of bans hold the content, so that the origin's lookup compares one value.
--
-- A ban by a name that no file has yet keeps the name as its subject, with zeros behind a SHA-1 and an MD5. Once a file
-- comes with it, the ban gets the content of that file (note_contents). Neither waits for the other: whoever records a
-- file looks for bans after the commit of its names, and numbering looks for names after the commit of a ban
-- (correct_bans). So no order of the two lets a file slip through.
--
-- In RAM and on disk a name is 32 bytes: a SHA-1 and an MD5 have zeros behind them.
DELIMITER //

-- Returns the content that a name leads to, in hex; where no file had the name yet: the name as 64 hex digits.
CREATE DEFINER = 'takedown_definer'@'localhost' FUNCTION IF NOT EXISTS content_of_name(
    p_name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin)
    RETURNS VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin READS SQL DATA
BEGIN
    DECLARE v_padded, v_content VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin;
    SET v_padded = RPAD(LOWER(p_name), 64, '0');
    -- Not in an expression, where a trigger would lock the row: see correct_bans.
    SELECT MAX(content) INTO v_content FROM content_names WHERE name = UNHEX(v_padded);
    RETURN COALESCE(v_content, v_padded);
END//

-- Replaces the subject of a ban by the content that it names, and keeps the hash as it was written in p_name, where that
-- is another one.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS content_of_ban(
    INOUT p_subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
    INOUT p_name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin)
    READS SQL DATA
BEGIN
    DECLARE v_content VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT content_of_name(p_subject);
    IF v_content <> p_subject THEN
        SET p_name = p_subject;
        SET p_subject = v_content;
    END IF;
END//

-- Records the names of files, a JSON array with an array for each: its canonical SHA-256, and SHA-256, SHA-1 and MD5 as
-- it was received, in lower-case hex. Fills the temporary table recorded_files (place, from 1, and content).
--
-- The content of a file is that of the first of its names that is known, in this order; of a file with new names only,
-- its canonical SHA-256. Where another of its names leads elsewhere the two become one content: open bans, images and
-- names move. That is rare: two files with one MD5. Bans that waited for one of the names get the content, and entries of
-- lists that name one are carried out. Images of the same bytes that are not named yet are named with it.
--
-- It commits, so that no lock outlives it: whoever records an image calls it before, and a ban that is committed later
-- finds the names.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS note_contents(IN p_files LONGTEXT CHARACTER SET utf8mb4)
    MODIFIES SQL DATA
BEGIN
    DECLARE v_former, v_content VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_well_formed INT UNSIGNED;
    DECLARE v_ended BOOLEAN DEFAULT FALSE;
    DECLARE meetings CURSOR FOR
        SELECT DISTINCT content_names.content, recorded_files.content
        FROM recorded_files
        CROSS JOIN (SELECT 1 AS kind UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS kinds
        STRAIGHT_JOIN content_names ON content_names.name = CASE kind
            WHEN 1 THEN recorded_files.canonical WHEN 2 THEN recorded_files.sha256
            WHEN 3 THEN recorded_files.sha1 ELSE recorded_files.md5 END
        WHERE content_names.content <> recorded_files.content
        ORDER BY 1, 2;
    DECLARE waiting CURSOR FOR
        SELECT DISTINCT bans.subject, recorded_files.content
        FROM recorded_files
        CROSS JOIN (SELECT 1 AS kind UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS kinds
        STRAIGHT_JOIN bans FORCE INDEX (subject)
            ON bans.scope = 'digest' AND bans.lifted_at IS NULL
            AND bans.subject = CONVERT(LOWER(HEX(CASE kind
                WHEN 1 THEN recorded_files.canonical WHEN 2 THEN recorded_files.sha256
                WHEN 3 THEN recorded_files.sha1 ELSE recorded_files.md5 END)) USING ascii) COLLATE ascii_bin
        WHERE bans.subject <> recorded_files.content;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_ended = TRUE;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    CREATE TEMPORARY TABLE IF NOT EXISTS recorded_files (
        place INT UNSIGNED NOT NULL PRIMARY KEY, canonical BINARY(32) NULL, sha256 BINARY(32) NULL, sha1 BINARY(32) NULL,
        md5 BINARY(32) NULL, content VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL);
    DELETE FROM recorded_files;
    INSERT INTO recorded_files (place, canonical, sha256, sha1, md5)
    SELECT place, UNHEX(canonical), UNHEX(sha256), UNHEX(RPAD(sha1, 64, '0')), UNHEX(RPAD(md5, 64, '0'))
    FROM JSON_TABLE(p_files, '$[*]' COLUMNS (
        place FOR ORDINALITY, canonical VARCHAR(65) CHARACTER SET ascii PATH '$[0]', sha256 VARCHAR(65) CHARACTER SET ascii PATH '$[1]',
        sha1 VARCHAR(65) CHARACTER SET ascii PATH '$[2]', md5 VARCHAR(65) CHARACTER SET ascii PATH '$[3]')) AS listed
    WHERE LENGTH(canonical) = 64 AND LENGTH(sha256) = 64 AND LENGTH(sha1) = 40 AND LENGTH(md5) = 32;
    SELECT COUNT(*) INTO v_well_formed FROM recorded_files
    WHERE canonical IS NOT NULL AND sha256 IS NOT NULL AND sha1 IS NOT NULL AND md5 IS NOT NULL;
    IF (v_well_formed = JSON_LENGTH(p_files)) IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'note_contents: a hash is malformed (takedown_db/schema/definitions/content_routines.sql)';
    END IF;

    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    START TRANSACTION;
    UPDATE recorded_files SET content = COALESCE(
        (SELECT content_names.content FROM content_names WHERE name = canonical),
        (SELECT content_names.content FROM content_names WHERE name = sha256),
        (SELECT content_names.content FROM content_names WHERE name = sha1),
        (SELECT content_names.content FROM content_names WHERE name = md5),
        LOWER(HEX(canonical)));
    -- In one order, so that two of them never wait for each other.
    INSERT IGNORE INTO content_names (name, content)
    SELECT named.name, named.content
    FROM (
        SELECT CASE kind WHEN 1 THEN canonical WHEN 2 THEN sha256 WHEN 3 THEN sha1 ELSE md5 END AS name, content
        FROM recorded_files
        CROSS JOIN (SELECT 1 AS kind UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS kinds
    ) AS named
    ORDER BY named.name;
    -- As it is now: others may have come first, and so may another file of this list.
    UPDATE recorded_files
    SET content = (SELECT content_names.content FROM content_names WHERE name = canonical);

    OPEN meetings;
    meeting: LOOP
        FETCH meetings INTO v_former, v_content;
        IF v_ended THEN
            LEAVE meeting;
        END IF;
        -- An earlier round may have moved it: a content is one of its own names.
        SET v_content = (SELECT content FROM content_names WHERE name = UNHEX(v_content));
        IF v_former = v_content THEN
            ITERATE meeting;
        END IF;
        UPDATE bans FORCE INDEX (subject) SET name = COALESCE(name, subject), subject = v_content
        WHERE scope = 'digest' AND subject = v_former AND lifted_at IS NULL;
        UPDATE renditions FORCE INDEX (content) SET content = v_content, named = TRUE WHERE content = v_former;
        UPDATE site_urls FORCE INDEX (content) SET content = v_content WHERE content = v_former;
        UPDATE content_names FORCE INDEX (content) SET content = v_content WHERE content = v_former;
    END LOOP;
    CLOSE meetings;
    UPDATE recorded_files
    SET content = (SELECT content_names.content FROM content_names WHERE name = canonical);
    UPDATE recorded_files
    CROSS JOIN (SELECT 1 AS kind UNION ALL SELECT 2) AS kinds
    STRAIGHT_JOIN renditions FORCE INDEX (digest)
        ON renditions.digest = CONVERT(LOWER(HEX(IF(kind = 1, canonical, sha256))) USING ascii) COLLATE ascii_bin
        AND renditions.name = 'original' AND renditions.named = FALSE
    SET renditions.content = recorded_files.content, renditions.named = TRUE;
    COMMIT;

    SET v_ended = FALSE;
    OPEN waiting;
    ban: LOOP
        FETCH waiting INTO v_former, v_content;
        IF v_ended THEN
            LEAVE ban;
        END IF;
        UPDATE bans FORCE INDEX (subject) SET name = COALESCE(name, subject), subject = v_content
        WHERE scope = 'digest' AND subject = v_former AND lifted_at IS NULL;
    END LOOP;
    CLOSE waiting;
    CALL match_recorded();
END//

-- As note_contents. Returns the content of each file, in their order.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS record_contents(IN p_files LONGTEXT CHARACTER SET utf8mb4)
    MODIFIES SQL DATA
BEGIN
    CALL note_contents(p_files);
    SELECT content FROM recorded_files ORDER BY place;
END//

-- Gives bans that wait for a number the content that their hash names by now, which their transaction could not see
-- (content_of_ban), for the rows of the outbox with ids from p_first to p_last. The change writes rows into the outbox.
-- It waits for no moderator: a ban that one is changing now gets its content by that change.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS correct_bans(
    IN p_first BIGINT UNSIGNED, IN p_last BIGINT UNSIGNED)
    MODIFIES SQL DATA
BEGIN
    DECLARE v_id BIGINT UNSIGNED;
    DECLARE v_content VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_ended BOOLEAN DEFAULT FALSE;
    DECLARE wrong CURSOR FOR
        SELECT invalidations.ban_id, content_names.content
        FROM invalidations FORCE INDEX (batch)
        STRAIGHT_JOIN content_names ON content_names.name = UNHEX(invalidations.subject)
        WHERE invalidations.batch IS NULL AND invalidations.id BETWEEN p_first AND p_last
            AND invalidations.scope = 'digest' AND invalidations.cause = 'ban'
            AND content_names.content <> invalidations.subject;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_ended = TRUE;

    OPEN wrong;
    ban: LOOP
        FETCH wrong INTO v_id, v_content;
        IF v_ended THEN
            LEAVE ban;
        END IF;
        START TRANSACTION;
        SELECT id INTO v_id FROM bans WHERE id = v_id AND lifted_at IS NULL AND subject <> v_content FOR UPDATE SKIP LOCKED;
        IF NOT v_ended THEN
            UPDATE bans SET name = COALESCE(name, subject), subject = v_content WHERE id = v_id;
        END IF;
        SET v_ended = FALSE;
        COMMIT;
    END LOOP;
    CLOSE wrong;
END//
