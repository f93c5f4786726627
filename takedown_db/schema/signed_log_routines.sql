-- Creates the routine that appends leaves to the signed log.
-- A changed routine gets a new name (_v2): a purger of an earlier version still calls the old one.

DELIMITER //

-- Appends leaves to a log of p_size leaves, with the nodes that became whole, and moves its end; removes the entries that
-- got their place. Returns one row: 1, or 0 and nothing is done where the log has another size by now. One call is one
-- transaction in the server, so that a purger that is frozen holds no lock.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS append_leaves_v1(
    IN p_size BIGINT UNSIGNED, IN p_leaves LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    IN p_nodes LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN p_entries LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    IN p_new_size BIGINT UNSIGNED, IN p_peaks VARBINARY(2048), IN p_batch BIGINT UNSIGNED, IN p_event BIGINT UNSIGNED,
    IN p_edges VARBINARY(64))
    MODIFIES SQL DATA
BEGIN
    DECLARE v_size BIGINT UNSIGNED;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    SELECT size INTO v_size FROM log_state WHERE one = 1 FOR UPDATE;
    IF v_size <=> p_size THEN
        INSERT INTO log_leaves (leaf, hash, kind, source, content, openings)
        SELECT p_size + written.place - 1, UNHEX(written.hash), written.kind, written.source, UNHEX(written.content), UNHEX(written.openings)
        FROM JSON_TABLE(p_leaves, '$[*]' COLUMNS (
            place FOR ORDINALITY,
            hash VARCHAR(64) PATH '$[0]',
            kind VARCHAR(16) PATH '$[1]',
            source BIGINT UNSIGNED PATH '$[2]',
            content TEXT PATH '$[3]',
            openings TEXT PATH '$[4]'
        )) AS written;
        INSERT INTO log_nodes (level, position, hash)
        SELECT written.level, written.position, UNHEX(written.hash)
        FROM JSON_TABLE(p_nodes, '$[*]' COLUMNS (
            level TINYINT UNSIGNED PATH '$[0]', position BIGINT UNSIGNED PATH '$[1]', hash VARCHAR(64) PATH '$[2]'
        )) AS written;
        DELETE log_entries
        FROM JSON_TABLE(p_entries, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS placed
        STRAIGHT_JOIN log_entries ON log_entries.id = placed.id;
        UPDATE log_state
        SET size = p_new_size, peaks = p_peaks, batch = p_batch, event = p_event, edges = p_edges
        WHERE one = 1;
        COMMIT;
        SELECT 1 AS appended;
    ELSE
        ROLLBACK;
        SELECT 0 AS appended;
    END IF;
END//
