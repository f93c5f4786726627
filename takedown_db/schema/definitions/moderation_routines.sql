-- Creates the procedures by which moderators' commands read what they need. They change nothing.
-- Moderation's account may call them, and read none of the tables behind them: they tell whether there is an image, how
-- many a ban hides, which bans hide an image, and how far the edges have come. Beside them it may call
-- present_triggers (numbering_routines.sql). A changed procedure gets a new name: see numbering_routines.sql.
--
-- Lists are JSON arrays, so that a list of a thousand takes one call: of pairs [scope, subject], or of codes. Their text
-- is converted to the collation of the tables' keys, since each comparison of two collations would scan a table.
DELIMITER //

-- Counts the purgers that signed within p_alive seconds and the enabled edges, and reads the largest committed id of
-- the outbox.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS delivery(IN p_alive DOUBLE)
    READS SQL DATA
BEGIN
    SELECT
        (SELECT COUNT(*) FROM purgers
        WHERE ABS(TIMESTAMPDIFF(MICROSECOND, seen_at, UTC_TIMESTAMP(3))) <= 1000000 * p_alive) AS purgers,
        (SELECT COUNT(*) FROM edges WHERE enabled) AS edges,
        (SELECT COALESCE(MAX(id), 0) FROM invalidations) AS largest;
END//

-- Reads the time (p_at, UTC) of the latest open ban that hides an image (scope image), an owner's images (owner) or
-- those with an original (digest) and is missing in the outbox, so that no edge gets its purge; NULL: there is none.
--
-- It judges the newest open ban of each subject: an edge that was purged for a later one does not have the images any
-- more. A pruned row is not missing: the log shows that it was there, and for bans from before the log their own time.
-- All of it is one statement: a ban that is written or lifted between two statements would be taken for a missing one.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS unwritten_ban(
    IN p_scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
    OUT p_at DATETIME(6))
    READS SQL DATA
BEGIN
    SELECT MAX(COALESCE(logged.logged_at, bans.banned_at)) INTO p_at
    FROM (
        SELECT MAX(id) AS id FROM bans WHERE scope = p_scope AND subject = p_subject AND lifted_at IS NULL
        UNION ALL
        SELECT MAX(bans.id)
        FROM images JOIN bans ON bans.scope = 'owner' AND bans.subject = images.owner AND bans.lifted_at IS NULL
        WHERE p_scope = 'image' AND images.code = p_subject
        UNION ALL
        SELECT MAX(bans.id)
        FROM renditions AS original
        JOIN bans ON bans.scope = 'digest' AND bans.subject = original.content AND bans.lifted_at IS NULL
        WHERE p_scope = 'image' AND original.code = p_subject AND original.name = 'original'
    ) AS newest
    JOIN bans ON bans.id = newest.id
    LEFT JOIN invalidations AS written
        ON written.id = (SELECT MAX(id) FROM invalidations FORCE INDEX (ban) WHERE ban_id = newest.id)
    LEFT JOIN moderation_log AS logged ON logged.id = (
        SELECT MAX(id) FROM moderation_log FORCE INDEX (ban) WHERE ban_id = newest.id AND action = 'ban')
    LEFT JOIN retention ON retention.one = 1
    LEFT JOIN numbering ON numbering.one = 1
    WHERE NOT COALESCE(written.cause = 'ban' AND written.scope = bans.scope AND written.subject = bans.subject, FALSE)
        AND NOT EXISTS (
            SELECT 1 FROM invalidations FORCE INDEX (subject)
            WHERE scope = bans.scope AND subject = bans.subject AND ban_id > bans.id)
        AND NOT (written.id IS NULL AND COALESCE(
            IF(logged.id IS NOT NULL,
                logged.invalidation IS NOT NULL AND logged.logged_at < retention.receipts_until,
                bans.banned_at < COALESCE(retention.receipts_until, '1000-01-01')
                OR (numbering.pruned_batch > 0 AND bans.banned_at < COALESCE(
                    (SELECT numbered_at FROM batches ORDER BY batch LIMIT 1), '9999-12-31'))),
            FALSE));
END//

-- Reads how far the rows of the outbox with ids up to p_upto have come: those of one ban (p_ban), those of one subject
-- (p_scope and p_subject; of an image also those of its owner and its original), or all (NULL for each). Returns two
-- results. The first, one row: whether there are any rows, whether some have no number yet, the last of their batches,
-- and for a subject the time of a ban that is missing there (unwritten_ban). The second, a row for each enabled edge:
-- name, the batch up to which it has acknowledged all (NULL: it is new), its problem, and the fingerprint of the
-- triggers at its last flush.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS acknowledgements(
    IN p_ban BIGINT UNSIGNED,
    IN p_scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_upto BIGINT UNSIGNED)
    READS SQL DATA
BEGIN
    DECLARE v_unwritten DATETIME(6);
    IF p_ban IS NOT NULL THEN
        SELECT COUNT(*) > 0, COALESCE(SUM(batch IS NULL), 0) > 0, MAX(batch), NULL
        FROM invalidations FORCE INDEX (ban)
        WHERE ban_id = p_ban AND id <= p_upto;
    ELSEIF p_subject IS NOT NULL THEN
        CALL unwritten_ban(p_scope, p_subject, v_unwritten);
        SELECT COUNT(*) > 0, COALESCE(SUM(batch IS NULL), 0) > 0, MAX(batch), v_unwritten
        FROM (
            SELECT batch FROM invalidations FORCE INDEX (subject)
            WHERE scope = p_scope AND subject = p_subject AND id <= p_upto
            UNION ALL
            SELECT batch
            FROM images STRAIGHT_JOIN invalidations FORCE INDEX (subject)
                ON invalidations.scope = 'owner' AND invalidations.subject = images.owner
            WHERE p_scope = 'image' AND images.code = p_subject AND invalidations.id <= p_upto
            UNION ALL
            SELECT batch
            FROM renditions AS original STRAIGHT_JOIN invalidations FORCE INDEX (subject)
                ON invalidations.scope = 'digest' AND invalidations.subject = original.content
            WHERE p_scope = 'image' AND original.code = p_subject AND original.name = 'original'
                AND invalidations.id <= p_upto
        ) AS concerned;
    ELSE
        SELECT TRUE, EXISTS (SELECT 1 FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL AND id <= p_upto), last_batch, NULL
        FROM numbering
        WHERE one = 1;
    END IF;
    -- A disabled edge shows what it holds until it stops trusting its cache: 5 s after its lease (trust_ends_by in
    -- purger/model.py).
    SELECT name, IF(instance IS NULL, NULL, acknowledged),
        IF(enabled, problem, CONCAT('disabled; it stops trusting its cache at ',
            TIME_FORMAT(seen_at + INTERVAL (lease + 6) SECOND, '%H:%i:%s'), ' UTC at the latest')),
        triggers, instance
    FROM edges
    WHERE enabled OR seen_at > UTC_TIMESTAMP(6) - INTERVAL (lease + 5) SECOND
    ORDER BY name;
END//

-- Reads for each subject of a list its place in the list, from 1, and whether there is an image with this code (scope
-- image), any image of this owner (owner), or any image with this original (digest). What was read from a site's own
-- server counts.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS subjects_known(
    IN p_subjects LONGTEXT CHARACTER SET utf8mb4)
    READS SQL DATA
BEGIN
    -- LIMIT keeps the optimizer from reading all images into a temporary table.
    SELECT place, CASE scope
        WHEN 'image' THEN COALESCE(
            (SELECT 1 FROM images WHERE code = asked.subject LIMIT 1),
            (SELECT 1 FROM site_urls FORCE INDEX (code) WHERE code = asked.subject LIMIT 1))
        WHEN 'owner' THEN (SELECT 1 FROM images FORCE INDEX (owner) WHERE owner = asked.subject LIMIT 1)
        WHEN 'digest' THEN COALESCE((
            SELECT 1
            FROM renditions AS original FORCE INDEX (content)
            WHERE original.content = asked.subject AND original.name = 'original' LIMIT 1),
            (SELECT 1 FROM site_urls FORCE INDEX (content) WHERE content = asked.subject LIMIT 1))
        END IS NOT NULL AS known
    FROM (
        SELECT place, CONVERT(scope USING ascii) COLLATE ascii_bin AS scope,
            CONVERT(subject USING ascii) COLLATE ascii_bin AS subject
        FROM JSON_TABLE(p_subjects, '$[*]' COLUMNS (
            place FOR ORDINALITY, scope VARCHAR(16) PATH '$[0]', subject VARCHAR(255) PATH '$[1]')) AS listed
    ) AS asked
    ORDER BY place;
END//

-- Counts for each subject of a list, in its order, the images that a ban of it hides.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS subjects_images(
    IN p_subjects LONGTEXT CHARACTER SET utf8mb4)
    READS SQL DATA
BEGIN
    SELECT place, CASE scope
        WHEN 'image' THEN EXISTS (SELECT 1 FROM images WHERE code = asked.subject)
            OR EXISTS (SELECT 1 FROM site_urls FORCE INDEX (code) WHERE code = asked.subject)
        WHEN 'owner' THEN (SELECT COUNT(*) FROM images FORCE INDEX (owner) WHERE owner = asked.subject)
        WHEN 'digest' THEN (
            SELECT COUNT(*)
            FROM renditions AS original FORCE INDEX (content)
            WHERE original.content = asked.subject AND original.name = 'original')
            + (
            SELECT COUNT(DISTINCT code)
            FROM site_urls FORCE INDEX (content)
            WHERE content = asked.subject AND NOT EXISTS (
                SELECT 1 FROM renditions AS original
                WHERE original.code = site_urls.code AND original.name = 'original' AND original.content = asked.subject))
        ELSE 0
        END AS images
    FROM (
        SELECT place, CONVERT(scope USING ascii) COLLATE ascii_bin AS scope,
            CONVERT(subject USING ascii) COLLATE ascii_bin AS subject
        FROM JSON_TABLE(p_subjects, '$[*]' COLUMNS (
            place FOR ORDINALITY, scope VARCHAR(16) PATH '$[0]', subject VARCHAR(255) PATH '$[1]')) AS listed
    ) AS asked
    ORDER BY place;
END//

-- Reads the copies of a content: code and owner of each image, and code, owner if the image was imported, and URL of what
-- the origin has recorded of a site's own server.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS copies_of_content(
    IN p_content VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin)
    READS SQL DATA
BEGIN
    SELECT images.code, images.owner, NULL AS url
    FROM renditions AS original FORCE INDEX (content)
    STRAIGHT_JOIN images ON images.code = original.code
    WHERE original.content = p_content AND original.name = 'original'
    UNION ALL
    SELECT site_urls.code, images.owner, CONCAT(site_urls.host, site_urls.url)
    FROM site_urls FORCE INDEX (content)
    LEFT JOIN images ON images.code = site_urls.code
    WHERE site_urls.content = p_content
    ORDER BY code, url;
END//

-- Reads name, public URL and CA file of each enabled edge, those without a problem first: one of them is asked which
-- image a URL of the site leads to.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS public_urls()
    READS SQL DATA
BEGIN
    SELECT name, public_url, ca_file FROM edges WHERE enabled ORDER BY problem IS NOT NULL, name;
END//

-- Reads the open bans by owner and by digest that hide the images with the codes of a list, the oldest first: code, id,
-- scope and subject.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS hiding_bans(
    IN p_codes LONGTEXT CHARACTER SET utf8mb4)
    READS SQL DATA
BEGIN
    SELECT asked.code, bans.id, bans.scope, bans.subject
    FROM (
        SELECT CONVERT(code USING ascii) COLLATE ascii_bin AS code
        FROM JSON_TABLE(p_codes, '$[*]' COLUMNS (code VARCHAR(255) PATH '$')) AS listed
    ) AS asked
    STRAIGHT_JOIN images ON images.code = asked.code
    STRAIGHT_JOIN bans FORCE INDEX (subject)
        ON bans.scope = 'owner' AND bans.subject = images.owner AND bans.lifted_at IS NULL
    UNION ALL
    SELECT asked.code, bans.id, bans.scope, bans.subject
    FROM (
        SELECT CONVERT(code USING ascii) COLLATE ascii_bin AS code
        FROM JSON_TABLE(p_codes, '$[*]' COLUMNS (code VARCHAR(255) PATH '$')) AS listed
    ) AS asked
    STRAIGHT_JOIN renditions AS original ON original.code = asked.code AND original.name = 'original'
    STRAIGHT_JOIN bans FORCE INDEX (subject)
        ON bans.scope = 'digest' AND bans.subject = original.content AND bans.lifted_at IS NULL
    UNION
    SELECT asked.code, bans.id, bans.scope, bans.subject
    FROM (
        SELECT CONVERT(code USING ascii) COLLATE ascii_bin AS code
        FROM JSON_TABLE(p_codes, '$[*]' COLUMNS (code VARCHAR(255) PATH '$')) AS listed
    ) AS asked
    STRAIGHT_JOIN site_urls FORCE INDEX (code) ON site_urls.code = asked.code
    STRAIGHT_JOIN bans FORCE INDEX (subject)
        ON bans.scope = 'digest' AND bans.subject = site_urls.content AND bans.lifted_at IS NULL
    ORDER BY 2;
END//

-- Reads what probes got from the public listener of each edge after a ban: edge, whether the image was gone, when (UTC)
-- and the status of the answer. Of an owner or a digest, whether all of its images that were probed were gone.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS ban_sightings(IN p_ban BIGINT UNSIGNED)
    READS SQL DATA
BEGIN
    SELECT sightings.edge, sightings.gone, sightings.seen_at, sightings.status
    FROM invalidations FORCE INDEX (ban)
    STRAIGHT_JOIN edges
    STRAIGHT_JOIN sightings
        ON sightings.edge = edges.name AND sightings.invalidation = invalidations.id AND sightings.code = ''
    WHERE invalidations.ban_id = p_ban AND invalidations.cause = 'ban'
    ORDER BY invalidations.id;
END//

-- Reads the owner of an image. NULL: there is no image with this code, or none whose owner is known.
CREATE DEFINER = 'takedown_definer'@'localhost' FUNCTION IF NOT EXISTS owner_of_code(
    p_code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin)
    RETURNS VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin
    READS SQL DATA
BEGIN
    RETURN (SELECT owner FROM images WHERE code = p_code);
END//
