-- Creates the procedure by which the door (`purger door`) writes what a program orders. It runs with the rights of the
-- door's own account. A changed procedure gets a new name: see numbering_routines.sql.
DELIMITER //

-- Bans a subject and records the order, in one transaction, and returns the ban as the statement door_takedown does.
-- A key that the client has used is refused (ER_DUP_ENTRY), and then nothing is written.
-- One statement to the server instead of five: over them a door and a database that share a core lose half of it.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS door_ban(
    IN p_scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_subject VARCHAR(300) CHARACTER SET utf8mb4,
    IN p_reason VARCHAR(300) CHARACTER SET utf8mb4,
    IN p_banned_by VARCHAR(300) CHARACTER SET utf8mb4,
    IN p_client VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_fingerprint BINARY(32),
    IN p_reference VARCHAR(300) CHARACTER SET utf8mb4)
    MODIFIES SQL DATA
    SQL SECURITY INVOKER
BEGIN
    DECLARE v_ban BIGINT UNSIGNED;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN
        ROLLBACK;
        RESIGNAL;
    END;
    START TRANSACTION;
    INSERT INTO bans (scope, subject, reason, banned_by) VALUES (p_scope, p_subject, p_reason, p_banned_by);
    SET v_ban = LAST_INSERT_ID();
    INSERT INTO door_orders (ban_id, client, idempotency_key, fingerprint, reference)
    VALUES (v_ban, p_client, p_key, p_fingerprint, p_reference);
    COMMIT;
    SELECT id, scope, subject, reason, banned_by, banned_at, lifted_at, lifted_by, lift_reason, p_client, p_reference
    FROM bans
    WHERE id = v_ban;
END//
