-- Creates the routine by which purgers that share the edges sign, and see each other.
-- A changed routine gets a new name: see numbering_routines.sql.

DELIMITER //

-- Signs that purger p_id is present, since p_seconds ago, and that its own clock says p_clock. Returns two results. The first: the purgers, each
-- with its count of signatures and the seconds since the last one, by this server's clock; of many that were killed
-- the latest. The second: the enabled edges, each with the purger that has claimed it. One row is written, in a
-- transaction of its own: purgers never wait for each other here.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS share_edges(
    IN p_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin, IN p_host VARCHAR(255) CHARACTER SET utf8mb4,
    IN p_pid INT UNSIGNED, IN p_version VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin, IN p_seconds INT UNSIGNED, IN p_clock DATETIME(3))
    MODIFIES SQL DATA
BEGIN
    INSERT INTO purgers (id, host, pid, version, since, seen_at, beat, clock)
    VALUES (p_id, p_host, p_pid, p_version, UTC_TIMESTAMP(3) - INTERVAL p_seconds SECOND, UTC_TIMESTAMP(3), 1, p_clock)
    ON DUPLICATE KEY UPDATE seen_at = VALUES(seen_at), beat = beat + 1, clock = p_clock;

    SELECT id, beat, TIMESTAMPDIFF(MICROSECOND, seen_at, UTC_TIMESTAMP(3)) / 1e6 AS seconds_ago
    FROM purgers
    ORDER BY seen_at DESC
    LIMIT 250;

    SELECT name, purger FROM edges WHERE enabled ORDER BY name;
END//
