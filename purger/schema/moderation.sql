-- Procedures for the moderator's commands. Moderation's account may call them and read none of the tables behind them:
-- whether there is an image, which ban of its owner hides it, and how far the edges have come is all that they tell.
-- They change nothing. As in routines.sql, a changed one gets a new name (_v2).
DELIMITER //

-- Whether there is an image with this code (scope image), or any of this owner (scope owner).
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS subject_known_v1(
    IN p_scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin)
    READS SQL DATA
BEGIN
    IF p_scope = 'image' THEN
        SELECT EXISTS (SELECT 1 FROM images WHERE code = p_subject) AS known;
    ELSE
        SELECT EXISTS (SELECT 1 FROM images WHERE owner = p_subject) AS known;
    END IF;
END//

-- The open bans of an image's owner, the oldest first: id and the owner's key.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS owner_bans_v1(
    IN p_code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin)
    READS SQL DATA
BEGIN
    SELECT bans.id, bans.subject
    FROM images JOIN bans ON bans.scope = 'owner' AND bans.subject = images.owner AND bans.lifted_at IS NULL
    WHERE images.code = p_code
    ORDER BY bans.id;
END//

-- Who delivers: purgers that signed within p_alive seconds, enabled edges, and the largest id that is committed in the
-- outbox.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS delivery_v1(IN p_alive DOUBLE)
    READS SQL DATA
BEGIN
    SELECT
        (SELECT COUNT(*) FROM purgers
        WHERE ABS(TIMESTAMPDIFF(MICROSECOND, seen_at, UTC_TIMESTAMP(3))) <= 1000000 * p_alive) AS purgers,
        (SELECT COUNT(*) FROM edges WHERE enabled) AS edges,
        (SELECT COALESCE(MAX(id), 0) FROM invalidations) AS largest;
END//

-- How far the rows of the outbox with ids up to p_upto have come: those of one ban (p_ban), those that concern an image or
-- an owner (p_scope and p_subject), or all (NULL for each). Two results: one row (whether there are any, whether some
-- have no number yet, the last of their batches), and a row for each enabled edge: name, the batch up to which it has
-- acknowledged everything (NULL: it is new), and what keeps it from being served.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS acknowledgements_v1(
    IN p_ban BIGINT UNSIGNED,
    IN p_scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_upto BIGINT UNSIGNED)
    READS SQL DATA
BEGIN
    IF p_ban IS NOT NULL THEN
        SELECT COUNT(*) > 0, COALESCE(SUM(batch IS NULL), 0) > 0, MAX(batch)
        FROM invalidations FORCE INDEX (ban)
        WHERE ban_id = p_ban AND id <= p_upto;
    ELSEIF p_subject IS NOT NULL THEN
        SELECT COUNT(*) > 0, COALESCE(SUM(batch IS NULL), 0) > 0, MAX(batch)
        FROM (
            SELECT batch FROM invalidations FORCE INDEX (subject)
            WHERE scope = p_scope AND subject = p_subject AND id <= p_upto
            UNION ALL
            SELECT batch
            FROM images STRAIGHT_JOIN invalidations FORCE INDEX (subject)
                ON invalidations.scope = 'owner' AND invalidations.subject = images.owner
            WHERE p_scope = 'image' AND images.code = p_subject AND invalidations.id <= p_upto
        ) AS concerned;
    ELSE
        SELECT TRUE, EXISTS (SELECT 1 FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL AND id <= p_upto), last_batch
        FROM numbering
        WHERE one = 1;
    END IF;
    SELECT name, IF(instance IS NULL, NULL, acknowledged), problem FROM edges WHERE enabled ORDER BY name;
END//
