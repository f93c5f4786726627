-- Creates the routines that append leaves to the signed log, and prune their contents.
-- A changed routine gets a new name: see numbering_routines.sql.

DELIMITER //

-- Appends leaves to a log of p_size leaves, with the nodes that became whole, and moves its end; removes the entries that
-- got their place, and keeps the signed state after that, p_note. Does nothing where the log has another size by now. The
-- purger's account may call it with anything: a log writer appends only to a state that the log's key has signed. One call is one transaction in the server, so that a purger that is frozen holds no lock, and no
-- leaf waits for its signature.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS append_leaves(
    IN p_size BIGINT UNSIGNED, IN p_leaves LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    IN p_nodes LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN p_entries LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    IN p_new_size BIGINT UNSIGNED, IN p_begun BIGINT UNSIGNED, IN p_note VARBINARY(4096))
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
            openings LONGTEXT PATH '$[4]'
        )) AS written;
        IF p_new_size <> p_size + ROW_COUNT() THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'append_leaves: p_new_size must be p_size and the number of leaves';
        END IF;
        INSERT INTO log_events (batch, leaf)
        SELECT written.batch, p_size + written.place - 1
        FROM JSON_TABLE(p_leaves, '$[*]' COLUMNS (
            place FOR ORDINALITY,
            kind VARCHAR(16) PATH '$[1]',
            batch BIGINT UNSIGNED PATH '$[5]'
        )) AS written
        WHERE written.kind = 'event' AND written.batch IS NOT NULL;
        INSERT INTO log_nodes (level, position, hash)
        SELECT written.level, written.position, UNHEX(written.hash)
        FROM JSON_TABLE(p_nodes, '$[*]' COLUMNS (
            level TINYINT UNSIGNED PATH '$[0]', position BIGINT UNSIGNED PATH '$[1]', hash VARCHAR(64) PATH '$[2]'
        )) AS written;
        DELETE log_entries
        FROM JSON_TABLE(p_entries, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS placed
        STRAIGHT_JOIN log_entries ON log_entries.id = placed.id;
        INSERT IGNORE INTO log_checkpoints (size, note) VALUES (p_new_size, p_note);
        UPDATE log_state
        SET checkpoints = checkpoints + ROW_COUNT(), size = p_new_size, begun = COALESCE(begun, p_begun)
        WHERE one = 1;
    END IF;
    COMMIT;
END//

-- Prunes the contents and openings of leaves whose rows are past their retention, of about 500 batches a call; the
-- hashes stay, so that the tree and old proofs hold. Returns one row: size (leaves that this call pruned) and more
-- (whether another call may find more).
--
-- It follows prune_outbox: first the batches without an act of moderation, then those with acts. A batch with an act
-- on a subject that is banned now stays whole, since a proof of that ban needs it. When the lift of such a ban is pruned
-- later, the acts before it go too. Lists of edges, keys, and acts that caused no purge and belong to no pruned ban stay.
-- What was pruned is told by a leaf: up to which place contents may be missing.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS prune_leaves()
    MODIFIES SQL DATA
BEGIN
    DECLARE v_outbox, v_receipts, v_first, v_last, v_first_receipt, v_last_receipt, v_place, v_end BIGINT UNSIGNED;
    DECLARE v_size, v_total INT UNSIGNED DEFAULT 0;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    CREATE TEMPORARY TABLE IF NOT EXISTS pruned_batches (batch BIGINT UNSIGNED NOT NULL PRIMARY KEY);
    CREATE TEMPORARY TABLE IF NOT EXISTS pruned_acts (
        id BIGINT UNSIGNED NOT NULL PRIMARY KEY, leaf BIGINT UNSIGNED NOT NULL);
    CREATE TEMPORARY TABLE IF NOT EXISTS pruned_leaves (leaf BIGINT UNSIGNED NOT NULL PRIMARY KEY);
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    START TRANSACTION;
    SELECT leaves_outbox_batch, leaves_receipts_batch, outbox_batch, receipts_batch
    INTO v_first, v_first_receipt, v_outbox, v_receipts
    FROM retention WHERE one = 1 FOR UPDATE;
    SELECT MAX(source) INTO v_last
    FROM (
        SELECT source FROM log_leaves FORCE INDEX (source)
        WHERE kind = 'batch' AND source > v_first AND source <= v_outbox ORDER BY source LIMIT 500
    ) AS next;
    SELECT MAX(source) INTO v_last_receipt
    FROM (
        SELECT source FROM log_leaves FORCE INDEX (source)
        WHERE kind = 'batch' AND source > v_first_receipt AND source <= v_receipts ORDER BY source LIMIT 500
    ) AS next;

    DELETE FROM pruned_batches;
    INSERT INTO pruned_batches
    SELECT source FROM log_leaves FORCE INDEX (source)
    WHERE kind = 'batch' AND source > v_first AND source <= v_last
        AND NOT EXISTS (SELECT 1 FROM log_events WHERE log_events.batch = log_leaves.source)
        AND NOT EXISTS (SELECT 1 FROM batches WHERE batches.batch = log_leaves.source);
    INSERT IGNORE INTO pruned_batches
    SELECT source FROM log_leaves FORCE INDEX (source)
    WHERE kind = 'batch' AND source > v_first_receipt AND source <= v_last_receipt;
    -- The earlier acts on subjects whose lift goes now.
    INSERT IGNORE INTO pruned_batches
    SELECT former_event.batch
    FROM log_events AS lifting FORCE INDEX (batch)
    STRAIGHT_JOIN log_leaves AS lift_leaf ON lift_leaf.leaf = lifting.leaf
    STRAIGHT_JOIN moderation_log AS lift_act ON lift_act.id = lift_leaf.source AND lift_act.action IN ('lift', 'unban')
    STRAIGHT_JOIN moderation_log AS former FORCE INDEX (subject)
        ON former.scope = lift_act.scope AND former.subject = lift_act.subject AND former.id < lift_act.id
    STRAIGHT_JOIN log_leaves AS former_leaf FORCE INDEX (source)
        ON former_leaf.kind = 'event' AND former_leaf.source = former.id AND former_leaf.content IS NOT NULL
    STRAIGHT_JOIN log_events AS former_event FORCE INDEX (PRIMARY) ON former_event.leaf = former_leaf.leaf
    WHERE lifting.batch > v_first_receipt AND lifting.batch <= v_last_receipt AND former_event.batch <= v_receipts;
    DELETE pruned_batches
    FROM pruned_batches
    STRAIGHT_JOIN log_events ON log_events.batch = pruned_batches.batch
    STRAIGHT_JOIN log_leaves ON log_leaves.leaf = log_events.leaf
    STRAIGHT_JOIN moderation_log ON moderation_log.id = log_leaves.source
    STRAIGHT_JOIN bans ON bans.scope = moderation_log.scope AND bans.subject = moderation_log.subject
    WHERE bans.lifted_at IS NULL;

    DELETE FROM pruned_acts;
    INSERT INTO pruned_acts
    SELECT log_leaves.source, log_leaves.leaf
    FROM pruned_batches
    STRAIGHT_JOIN log_events FORCE INDEX (batch) ON log_events.batch = pruned_batches.batch
    STRAIGHT_JOIN log_leaves ON log_leaves.leaf = log_events.leaf;
    DELETE FROM pruned_leaves;
    INSERT INTO pruned_leaves
    SELECT log_leaves.leaf
    FROM pruned_batches
    STRAIGHT_JOIN log_leaves FORCE INDEX (source) ON log_leaves.kind = 'batch' AND log_leaves.source = pruned_batches.batch;
    INSERT IGNORE INTO pruned_leaves SELECT leaf FROM pruned_acts;
    INSERT IGNORE INTO pruned_leaves
    SELECT log_leaves.leaf
    FROM pruned_acts
    STRAIGHT_JOIN moderation_log ON moderation_log.id = pruned_acts.id
    STRAIGHT_JOIN log_leaves FORCE INDEX (source)
        ON log_leaves.kind = 'seen' AND log_leaves.source = moderation_log.invalidation;
    INSERT IGNORE INTO pruned_leaves
    SELECT log_leaves.leaf
    FROM pruned_acts
    STRAIGHT_JOIN moderation_log ON moderation_log.id = pruned_acts.id
    STRAIGHT_JOIN moderation_log AS silent FORCE INDEX (ban)
        ON silent.ban_id = moderation_log.ban_id AND silent.invalidation IS NULL
    STRAIGHT_JOIN log_leaves FORCE INDEX (source) ON log_leaves.kind = 'event' AND log_leaves.source = silent.id;
    CALL prune_leaves_chosen(v_size, v_place);
    SET v_total = v_size, v_end = v_place;

    -- An acknowledgement goes with the last of its batches that goes.
    INSERT INTO pruned_leaves
    SELECT leaf FROM log_leaves FORCE INDEX (source)
    WHERE kind = 'acknowledged' AND source > v_first AND source <= v_last AND content IS NOT NULL;
    INSERT IGNORE INTO pruned_leaves
    SELECT leaf FROM log_leaves FORCE INDEX (source)
    WHERE kind = 'acknowledged' AND source > v_first_receipt AND source <= v_last_receipt AND content IS NOT NULL;
    INSERT IGNORE INTO pruned_leaves
    SELECT log_leaves.leaf
    FROM pruned_batches
    STRAIGHT_JOIN log_leaves FORCE INDEX (source)
        ON log_leaves.kind = 'acknowledged' AND log_leaves.source = pruned_batches.batch;
    DELETE pruned_leaves
    FROM pruned_leaves
    STRAIGHT_JOIN log_leaves AS told ON told.leaf = pruned_leaves.leaf
    STRAIGHT_JOIN log_leaves AS kept FORCE INDEX (source) ON kept.kind = 'batch' AND kept.source <= told.source
        AND kept.source >= CAST(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(told.content USING utf8mb4), '$.first')) AS UNSIGNED)
    WHERE told.content IS NOT NULL AND kept.content IS NOT NULL;
    CALL prune_leaves_chosen(v_size, v_place);
    SET v_total = v_total + v_size, v_end = GREATEST(v_end, v_place);

    IF v_total > 0 THEN
        INSERT INTO log_entries (removal, content)
        VALUES (TRUE, CONCAT('{"at":"', DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%fZ'), '","before":', v_end, ',"kind":"pruned"}'));
    END IF;
    UPDATE retention
    SET leaves_outbox_batch = COALESCE(v_last, leaves_outbox_batch),
        leaves_receipts_batch = COALESCE(v_last_receipt, leaves_receipts_batch)
    WHERE one = 1;
    COMMIT;
    SELECT v_total AS size, v_last IS NOT NULL OR v_last_receipt IS NOT NULL AS more;
END//

-- Prunes the leaves in the temporary table pruned_leaves, in the transaction of prune_leaves, and empties the table.
-- p_size: how many had a content; p_place: the place behind the last of them, or 0.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS prune_leaves_chosen(
    OUT p_size INT UNSIGNED, OUT p_place BIGINT UNSIGNED)
    MODIFIES SQL DATA
BEGIN
    SELECT COALESCE(MAX(log_leaves.leaf) + 1, 0) INTO p_place
    FROM pruned_leaves STRAIGHT_JOIN log_leaves ON log_leaves.leaf = pruned_leaves.leaf
    WHERE log_leaves.content IS NOT NULL;
    UPDATE pruned_leaves STRAIGHT_JOIN log_leaves ON log_leaves.leaf = pruned_leaves.leaf
    SET log_leaves.content = NULL, log_leaves.openings = NULL
    WHERE log_leaves.content IS NOT NULL;
    SET p_size = ROW_COUNT();
    DELETE FROM pruned_leaves;
END//

-- For an administrator, and granted to nobody: takes the leaves from the place p_size on out of the log, because nobody
-- has signed them (docs/guide/proof.md). Batches and acts of moderation among them come into the log again.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS cut_log(IN p_size BIGINT UNSIGNED)
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
    DELETE FROM log_leaves WHERE leaf >= p_size;
    DELETE FROM log_events WHERE leaf >= p_size;
    DELETE FROM log_nodes WHERE (position + 1) << level > p_size;
    DELETE FROM log_checkpoints WHERE size > p_size;
    UPDATE log_state SET size = p_size, checkpoints = (SELECT COUNT(*) FROM log_checkpoints) WHERE one = 1;
    COMMIT;
END//
