-- Creates the routines that carry out lists of hashes.
--
-- An entry names a content by one of its hashes (content_names). Neither a fetch nor whoever records a file waits for the
-- other: each looks for the other's rows after its own commit, so that no order of the two lets a file slip through.
DELIMITER //

-- Carries out an entry that names a content: bans it, or asks a person, by the policy of the list.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS obey_entry(IN p_list INT UNSIGNED, IN p_name BINARY(32))
    MODIFIES SQL DATA
BEGIN
    DECLARE v_list, v_policy VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT LOWER(HEX(p_name));
    -- Another session has carried the entry out meanwhile.
    DECLARE EXIT HANDLER FOR 1062 ROLLBACK;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;
    START TRANSACTION;
    SELECT MAX(name), MAX(policy) INTO v_list, v_policy FROM lists WHERE id = p_list;
    IF v_policy = 'ban' THEN
        INSERT INTO bans (scope, subject, reason, banned_by)
        VALUES ('digest', v_name, CONCAT('on the list ', v_list), CONCAT('list ', v_list));
        INSERT INTO list_bans (ban_id, list, name) VALUES (LAST_INSERT_ID(), p_list, p_name);
    ELSEIF v_policy = 'ask' THEN
        INSERT INTO suggestions (kind, subject, list) VALUES ('list', v_name, p_list);
    END IF;
    COMMIT;
END//

-- Tells whether a list has banned or suggested a content already, by whatever name.
CREATE DEFINER = 'takedown_definer'@'localhost' FUNCTION IF NOT EXISTS is_obeyed(
    p_list INT UNSIGNED, p_content VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin)
    RETURNS BOOLEAN READS SQL DATA
BEGIN
    DECLARE v_banned, v_suggested INT UNSIGNED;
    SELECT COUNT(*) INTO v_banned
    FROM content_names FORCE INDEX (content)
    STRAIGHT_JOIN list_bans FORCE INDEX (entry) ON list_bans.list = p_list AND list_bans.name = content_names.name
    WHERE content_names.content = p_content;
    SELECT COUNT(*) INTO v_suggested
    FROM content_names FORCE INDEX (content)
    STRAIGHT_JOIN suggestions FORCE INDEX (suggested) ON suggestions.kind = 'list' AND suggestions.list = p_list
        AND suggestions.subject = CONVERT(LOWER(HEX(content_names.name)) USING ascii) COLLATE ascii_bin
    WHERE content_names.content = p_content;
    RETURN v_banned + v_suggested > 0;
END//

-- Carries out the entries of a list that name a content, and takes back what the list has withdrawn: its bans are lifted,
-- its open suggestions deleted. Returns how many entries it has, how many bans and suggestions are new, and how many were taken back.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS match_list(IN p_list INT UNSIGNED)
    MODIFIES SQL DATA
BEGIN
    DECLARE v_name BINARY(32);
    DECLARE v_ban BIGINT UNSIGNED;
    DECLARE v_list VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT (SELECT name FROM lists WHERE id = p_list);
    DECLARE v_new, v_lifted, v_dropped INT UNSIGNED DEFAULT 0;
    DECLARE v_ended BOOLEAN DEFAULT FALSE;
    DECLARE matches CURSOR FOR
        SELECT MIN(list_entries.name)
        FROM lists
        STRAIGHT_JOIN list_entries FORCE INDEX (PRIMARY)
            ON list_entries.list = lists.id AND list_entries.edition = lists.edition AND list_entries.kind <> 'pdq'
        STRAIGHT_JOIN content_names ON content_names.name = list_entries.name
        WHERE lists.id = p_list AND NOT is_obeyed(p_list, content_names.content)
        GROUP BY content_names.content;
    DECLARE withdrawn CURSOR FOR
        SELECT list_bans.ban_id
        FROM list_bans
        WHERE list_bans.list = p_list AND NOT is_listed(p_list, list_bans.name);
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_ended = TRUE;

    OPEN matches;
    entry: LOOP
        FETCH matches INTO v_name;
        IF v_ended THEN
            LEAVE entry;
        END IF;
        CALL obey_entry(p_list, v_name);
        SET v_new = v_new + 1, v_ended = FALSE;
    END LOOP;
    CLOSE matches;

    SET v_ended = FALSE;
    OPEN withdrawn;
    ban: LOOP
        FETCH withdrawn INTO v_ban;
        IF v_ended THEN
            LEAVE ban;
        END IF;
        START TRANSACTION;
        UPDATE bans SET lifted_at = UTC_TIMESTAMP(3), lifted_by = CONCAT('list ', v_list), lift_reason = 'withdrawn by the list'
        WHERE id = v_ban AND lifted_at IS NULL;
        SET v_lifted = v_lifted + ROW_COUNT();
        DELETE FROM list_bans WHERE ban_id = v_ban;
        COMMIT;
    END LOOP;
    CLOSE withdrawn;
    DELETE FROM suggestions
    WHERE kind = 'list' AND list = p_list AND state = 'open' AND NOT is_listed(p_list, UNHEX(subject));
    SET v_dropped = ROW_COUNT();
    SELECT entries, v_new AS matches, v_lifted AS lifted, v_dropped AS dropped FROM lists WHERE id = p_list;
END//

-- Tells whether a list has an entry for the content that a name leads to.
CREATE DEFINER = 'takedown_definer'@'localhost' FUNCTION IF NOT EXISTS is_listed(p_list INT UNSIGNED, p_name BINARY(32))
    RETURNS BOOLEAN READS SQL DATA
BEGIN
    DECLARE v_entries INT UNSIGNED;
    SELECT COUNT(*) INTO v_entries
    FROM content_names AS named
    STRAIGHT_JOIN content_names AS other FORCE INDEX (content) ON other.content = named.content
    STRAIGHT_JOIN list_entries FORCE INDEX (name) ON list_entries.name = other.name AND list_entries.kind <> 'pdq'
    STRAIGHT_JOIN lists ON lists.id = list_entries.list AND lists.edition = list_entries.edition
    WHERE named.name = p_name AND list_entries.list = p_list;
    RETURN v_entries > 0;
END//

-- Carries out the entries of all lists that name a file of the temporary table recorded_files (note_contents).
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS match_recorded()
    MODIFIES SQL DATA
BEGIN
    DECLARE v_list INT UNSIGNED;
    DECLARE v_name BINARY(32);
    DECLARE v_ended BOOLEAN DEFAULT FALSE;
    DECLARE matches CURSOR FOR
        SELECT list_entries.list, MIN(list_entries.name)
        FROM recorded_files
        CROSS JOIN (SELECT 1 AS kind UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) AS kinds
        STRAIGHT_JOIN list_entries FORCE INDEX (name) ON list_entries.kind <> 'pdq' AND list_entries.name = CASE kinds.kind
            WHEN 1 THEN recorded_files.canonical WHEN 2 THEN recorded_files.sha256
            WHEN 3 THEN recorded_files.sha1 ELSE recorded_files.md5 END
        STRAIGHT_JOIN lists ON lists.id = list_entries.list AND lists.edition = list_entries.edition
        WHERE NOT is_obeyed(list_entries.list, recorded_files.content)
        GROUP BY list_entries.list, recorded_files.content;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_ended = TRUE;

    OPEN matches;
    entry: LOOP
        FETCH matches INTO v_list, v_name;
        IF v_ended THEN
            LEAVE entry;
        END IF;
        CALL obey_entry(v_list, v_name);
        SET v_ended = FALSE;
    END LOOP;
    CLOSE matches;
END//
