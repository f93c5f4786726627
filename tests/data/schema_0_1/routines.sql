-- Routines run as the locked definer, so that the purger's own account needs no right to alter the outbox.
-- A changed routine gets a new name (_v2): a purger that still runs goes on with the old one.

-- The counter, should its row ever be lost.
INSERT IGNORE INTO numbering (one) VALUES (1);

DELIMITER //

-- Gives the next batch number to rows of the outbox that are visible, that is committed, and have none yet: the oldest
-- 5,000, so that a bulk goes on, and the newest 200, so that a single ban does not wait behind it. Answers one row:
-- last_batch (the last number given so far) and size (rows that this call numbered).
--
-- The whole of it runs in the server: a client that is frozen or killed in the middle leaves no lock behind.
-- READ COMMITTED, so that the reads neither lock nor see an old snapshot; the UPDATE goes by primary key for certain,
-- since any other index would make it wait for a moderator's open transaction.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS number_invalidations_v1()
    MODIFIES SQL DATA
BEGIN
    DECLARE v_batch BIGINT UNSIGNED;
    DECLARE v_size INT UNSIGNED DEFAULT 0;
    DECLARE v_before, v_now DATETIME(6);
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    CREATE TEMPORARY TABLE IF NOT EXISTS picked (id BIGINT UNSIGNED NOT NULL PRIMARY KEY) ENGINE = MEMORY;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    START TRANSACTION;
    SELECT last_batch, numbered_at INTO v_batch, v_before FROM numbering WHERE one = 1 FOR UPDATE;
    -- A counter that was lost or restored alone must not give a number twice.
    SELECT GREATEST(v_batch, COALESCE(MAX(batch), 0)) INTO v_batch FROM batches;

    DELETE FROM picked;
    INSERT INTO picked SELECT id FROM invalidations WHERE batch IS NULL ORDER BY id LIMIT 5000;
    INSERT IGNORE INTO picked SELECT id FROM invalidations WHERE batch IS NULL ORDER BY id DESC LIMIT 200;
    SELECT COUNT(*) INTO v_size FROM picked;

    IF v_size > 0 THEN
        SET v_batch = v_batch + 1;
        -- SYSDATE is read here and now, after the rows were; NOW and UTC_TIMESTAMP stand still at the CALL's start and
        -- only tell how far the session's zone is from UTC.
        SET v_now = TIMESTAMPADD(MICROSECOND, TIMESTAMPDIFF(MICROSECOND, NOW(6), UTC_TIMESTAMP(6)), SYSDATE(6));
        SET v_now = GREATEST(v_now, TIMESTAMPADD(MICROSECOND, 1, v_before));

        UPDATE picked STRAIGHT_JOIN invalidations FORCE INDEX (PRIMARY) ON invalidations.id = picked.id
        SET invalidations.batch = v_batch
        WHERE invalidations.batch IS NULL;

        INSERT INTO changes (scope, subject, changed_at)
        SELECT DISTINCT invalidations.scope, invalidations.subject, v_now
        FROM picked STRAIGHT_JOIN invalidations FORCE INDEX (PRIMARY) ON invalidations.id = picked.id
        ON DUPLICATE KEY UPDATE changed_at = v_now;

        INSERT INTO batches (batch, numbered_at, size) VALUES (v_batch, v_now, v_size);
        UPDATE numbering SET last_batch = v_batch, numbered_at = v_now WHERE one = 1;
    END IF;
    COMMIT;
    SELECT v_batch AS last_batch, v_size AS size;
END//

-- The triggers that stand on our tables, one row each: name, table and when it was created. information_schema shows
-- triggers only to an account that may also create them, which the purger's may not.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS standing_triggers_v1()
    READS SQL DATA
BEGIN
    SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS on_table, CREATED AS created
    FROM information_schema.TRIGGERS
    WHERE TRIGGER_SCHEMA = DATABASE()
    ORDER BY TRIGGER_NAME;
END//

-- Takes batches that were numbered before p_before out of the outbox, about 5,000 rows a call, and moves the mark below
-- which the outbox is no longer whole. Answers one row: size (rows that this call took).
--
-- One transaction that runs in the server: an edge's worker that has read fewer rows than there were finds the mark
-- moved, and a purger that is frozen in the middle holds no lock. Rows go by primary key (see above).
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS prune_outbox_v1(IN p_before DATETIME(6))
    MODIFIES SQL DATA
BEGIN
    DECLARE v_batch BIGINT UNSIGNED;
    DECLARE v_size INT UNSIGNED DEFAULT 0;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    CREATE TEMPORARY TABLE IF NOT EXISTS picked (id BIGINT UNSIGNED NOT NULL PRIMARY KEY) ENGINE = MEMORY;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    START TRANSACTION;
    SELECT MAX(batch) INTO v_batch
    FROM (SELECT batch, numbered_at FROM batches ORDER BY batch LIMIT 500) AS oldest
    WHERE numbered_at < p_before;

    IF v_batch IS NOT NULL THEN
        DELETE FROM picked;
        INSERT INTO picked
        SELECT id FROM invalidations FORCE INDEX (batch) WHERE batch <= v_batch ORDER BY batch LIMIT 5000;
        SELECT COUNT(*) INTO v_size FROM picked;

        DELETE invalidations
        FROM picked STRAIGHT_JOIN invalidations FORCE INDEX (PRIMARY) ON invalidations.id = picked.id;

        IF v_size < 5000 THEN
            DELETE FROM batches WHERE batch <= v_batch;
        END IF;
        UPDATE numbering SET pruned_batch = GREATEST(pruned_batch, v_batch) WHERE one = 1;
    END IF;
    COMMIT;
    SELECT v_size AS size;
END//
