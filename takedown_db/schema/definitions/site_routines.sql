-- Creates the procedure by which the origin records what it has read from a site's own server (site_urls).
-- It runs as the locked definer: the origin's account writes nothing else. A changed procedure gets a new name: see
-- numbering_routines.sql.
DELIMITER //

-- Records the content of a URL, or its new content. p_names: its names, an array of one file as note_contents takes it.
-- p_before: the digest that was recorded when the reading began; NULL: none. If another one was recorded since, that
-- stays: a slow reading of old bytes may end last.
-- Of a code it keeps the 1,000 URLs that were recorded last: visitors make up query strings.
--
-- Where the content is banned, all other URLs of the code are purged, which edges may have kept since before it was
-- known: in the transaction of the record, so that who dies leaves both or neither. A ban that is committed meanwhile is
-- looked for after the commit, in a snapshot of its own. A ban that is not yet committed then is numbered later, and
-- numbering sees the record (number_invalidations). So no order of the two lets an image slip through. Only who dies
-- between the commit and that look owes the purge of a ban that was committed and numbered during the transaction.
-- The caller has autocommit on.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS record_site_url(
    IN p_id VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_host VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_url VARCHAR(8192) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_digest VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_length BIGINT UNSIGNED,
    IN p_etag VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_last_modified VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_names VARCHAR(1000) CHARACTER SET utf8mb4,
    IN p_before VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin)
    MODIFIES SQL DATA
BEGIN
    DECLARE v_oldest, v_content VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_count INT UNSIGNED;
    DECLARE v_known, v_banned BOOLEAN;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    IF (LENGTH(p_id) = 64 AND p_id NOT REGEXP '[^0-9a-f]' AND LENGTH(p_digest) = 64 AND p_digest NOT REGEXP '[^0-9a-f]'
        AND LENGTH(p_code) BETWEEN 1 AND 64 AND p_code NOT REGEXP '[^A-Za-z0-9_-]'
        AND LENGTH(p_host) <= 255 AND p_host NOT REGEXP '[^!-~]' AND p_url NOT REGEXP '[^!-~]' AND p_url LIKE '/%'
        AND p_etag NOT REGEXP '[^ -~]' AND p_last_modified NOT REGEXP '[^ -~]' AND p_length IS NOT NULL
        AND JSON_LENGTH(p_names) = 1) IS NOT TRUE THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'record_site_url: a value is malformed (takedown_db/schema/definitions/site_routines.sql)';
    END IF;
    CALL note_contents(p_names);
    SELECT content INTO v_content FROM recorded_files WHERE place = 1;
    SELECT COUNT(*), EXISTS (SELECT 1 FROM site_urls WHERE id = p_id) INTO v_count, v_known
    FROM (SELECT 1 FROM site_urls FORCE INDEX (code) WHERE code = p_code LIMIT 1000) AS few;
    IF v_count >= 1000 AND NOT v_known THEN
        SELECT id INTO v_oldest FROM site_urls FORCE INDEX (code) WHERE code = p_code ORDER BY recorded_at LIMIT 1;
        DELETE FROM site_urls WHERE id = v_oldest;
    END IF;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    START TRANSACTION;
    -- It takes the lock of a row that is there, too.
    INSERT INTO site_urls (id, code, host, url, digest, content, length, etag, last_modified, recorded_at)
    VALUES (p_id, p_code, p_host, p_url, p_digest, v_content, p_length, p_etag, p_last_modified, UTC_TIMESTAMP(3))
    ON DUPLICATE KEY UPDATE id = p_id;
    UPDATE site_urls
    SET code = p_code, digest = p_digest, content = v_content, length = p_length, etag = p_etag,
        last_modified = p_last_modified, recorded_at = UTC_TIMESTAMP(3)
    WHERE id = p_id AND (code <> p_code OR digest IN (p_digest, p_before));
    -- A SELECT in the condition of an IF would wait for bans that are not yet committed.
    SELECT EXISTS (
        SELECT 1 FROM bans FORCE INDEX (subject) WHERE scope = 'digest' AND subject = v_content AND lifted_at IS NULL
    ) INTO v_banned;
    IF v_banned THEN
        INSERT INTO invalidations (scope, subject, cause) VALUES ('image', p_code, 'resend');
    END IF;
    COMMIT;
    IF NOT v_banned THEN
        SELECT EXISTS (
            SELECT 1 FROM bans FORCE INDEX (subject) WHERE scope = 'digest' AND subject = v_content AND lifted_at IS NULL
        ) INTO v_banned;
        IF v_banned THEN
            INSERT INTO invalidations (scope, subject, cause) VALUES ('image', p_code, 'resend');
        END IF;
    END IF;
END//
