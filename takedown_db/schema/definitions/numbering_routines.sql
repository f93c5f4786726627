-- Creates the routines that number the rows of the outbox, and prune old rows.
-- They run as the locked definer, so that the purger's account needs no right to change the outbox. A changed routine
-- gets a new name (_2), and the former one stays for a release: during an upgrade a purger that runs still calls it
-- (docs/operate/database.md, "Upgrades").

-- Restores the rows of the counter and of the retention, if they were lost.
INSERT IGNORE INTO numbering (one) VALUES (1);
INSERT IGNORE INTO retention (one) VALUES (1);

DELIMITER //

-- Gives the next batch number to committed rows of the outbox that have none. p_size: the count of rows that it
-- numbered; p_more: whether others may be left.
--
-- With p_after it numbers the newest 500 rows whose ids are above p_after, an id that is a second or so old: its cost
-- then does not grow with the rows of an older transaction that is still open, each of which it would have to read.
-- Without it (NULL) it numbers the oldest 2,000 of all. A bulk is thus numbered from both ends, and a ban that comes in
-- the middle of it waits only for the few rows that hold the counter at that moment. With p_only, the id of a row, it
-- numbers only this row: a single ban is the usual case.
--
-- Rows are looked for before the counter's row is locked, so that a long read blocks nobody. The UPDATE skips those that
-- another client has numbered in between. It must not come across a row of a moderator's open transaction, or it would
-- wait for its end, with the counter locked: so it looks up each id by the primary key. An UPDATE of a range of ids would
-- lock the row behind the last one, too. An array of ids costs less than a temporary table of them.
--
-- A change of content also purges the images under whose codes the origin has recorded it (site_urls): for each a row is
-- written, which the next batch gets. Here, after the commit of that change, a record is either seen or committed later,
-- and then whoever writes it sees the ban (record_site_url). The trigger of the ban could see an older snapshot.
--
-- Malformed rows, which a session without checks wrote, are removed then (remove_malformed).
--
-- All of it runs in the server: a client that is frozen or killed in the middle leaves no lock.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS number_invalidations(
    IN p_after BIGINT UNSIGNED, IN p_only BIGINT UNSIGNED, OUT p_size INT UNSIGNED, OUT p_more BOOLEAN)
    MODIFIES SQL DATA
BEGIN
    DECLARE v_batch BIGINT UNSIGNED;
    DECLARE v_first, v_last BIGINT UNSIGNED DEFAULT p_only;
    DECLARE v_count INT UNSIGNED DEFAULT 1;
    DECLARE v_chosen LONGTEXT CHARACTER SET utf8mb4; -- a JSON array of ids
    DECLARE v_found, v_recorded BOOLEAN;
    DECLARE v_before, v_clock, v_clock_before, v_now DATETIME(6);
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    SET p_more = FALSE;
    IF p_only IS NULL THEN
        -- MariaDB cuts an array at this length.
        IF @@SESSION.group_concat_max_len < 65536 THEN
            SET SESSION group_concat_max_len = 65536;
        END IF;
        IF p_after IS NULL THEN
            SELECT JSON_ARRAYAGG(id), MIN(id), MAX(id), COUNT(*), COUNT(*) >= 2000
            INTO v_chosen, v_first, v_last, v_count, p_more
            FROM (SELECT id FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL ORDER BY id LIMIT 2000) AS oldest;
        ELSE
            SELECT JSON_ARRAYAGG(id), MIN(id), MAX(id), COUNT(*), COUNT(*) >= 500
            INTO v_chosen, v_first, v_last, v_count, p_more
            FROM (
                SELECT id FROM invalidations FORCE INDEX (PRIMARY)
                WHERE id > p_after AND batch IS NULL ORDER BY id DESC LIMIT 500
            ) AS newest;
        END IF;
    END IF;
    IF v_first IS NOT NULL THEN
        CALL correct_bans(v_first, v_last);
    END IF;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    START TRANSACTION;
    SELECT last_batch, numbered_at, clock INTO v_batch, v_before, v_clock_before FROM numbering WHERE one = 1 FOR UPDATE;
    -- A counter that was lost or restored by itself must not give a number twice.
    SELECT GREATEST(v_batch, COALESCE(MAX(batch), 0)) + 1 INTO v_batch FROM batches;
    -- LENGTH, and comparisons AS BINARY, count trailing spaces, which other comparisons ignore.
    IF p_only IS NOT NULL THEN
        UPDATE invalidations FORCE INDEX (PRIMARY)
        SET batch = v_batch
        WHERE id = p_only AND batch IS NULL
            AND CAST(scope AS BINARY) IN ('image', 'owner', 'digest')
            AND LENGTH(subject) BETWEEN IF(scope = 'digest', 64, 1) AND 64
            AND subject NOT REGEXP IF(scope = 'digest', '[^0-9a-f]', '[^A-Za-z0-9_-]');
    ELSE
        UPDATE JSON_TABLE(v_chosen, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS chosen
        STRAIGHT_JOIN invalidations FORCE INDEX (PRIMARY) ON invalidations.id = chosen.id
        SET batch = v_batch
        WHERE batch IS NULL
            AND CAST(scope AS BINARY) IN ('image', 'owner', 'digest')
            AND LENGTH(subject) BETWEEN IF(scope = 'digest', 64, 1) AND 64
            AND subject NOT REGEXP IF(scope = 'digest', '[^0-9a-f]', '[^A-Za-z0-9_-]');
    END IF;
    SET p_size = ROW_COUNT();
    IF p_size < v_count THEN
        CALL remove_malformed(v_first, v_last, v_found);
        SET p_more = p_more OR v_found;
    END IF;
    IF p_size > 0 THEN
        -- SYSDATE is read here and now, after the rows were; NOW and UTC_TIMESTAMP stand still at the CALL's start and
        -- only tell how far the session's zone is from UTC.
        SET v_clock = TIMESTAMPADD(MICROSECOND, TIMESTAMPDIFF(MICROSECOND, NOW(6), UTC_TIMESTAMP(6)), SYSDATE(6));
        SET v_now = GREATEST(v_clock, TIMESTAMPADD(MICROSECOND, 1, v_before));
        -- The clock was set back: the former date may have been told meanwhile, so this one takes a second of its own.
        -- Two nodes of a cluster whose clocks differ by less than a second move the dates ahead by two seconds at most.
        IF v_clock < TIMESTAMPADD(SECOND, -1, v_clock_before)
            OR (v_clock < v_clock_before AND v_before < TIMESTAMPADD(SECOND, 2, v_clock_before)) THEN
            SET v_now = TIMESTAMPADD(SECOND, 1, v_before);
        END IF;

        INSERT INTO changes (scope, subject, changed_at, batch)
        SELECT invalidations.scope, invalidations.subject, v_now, v_batch
        FROM invalidations FORCE INDEX (batch)
        WHERE invalidations.batch = v_batch
        ON DUPLICATE KEY UPDATE changes.changed_at = v_now, changes.batch = v_batch;

        INSERT INTO batches (batch, numbered_at, size) VALUES (v_batch, v_now, p_size);
        UPDATE numbering SET last_batch = v_batch, numbered_at = v_now, clock = v_clock WHERE one = 1;

        -- Not in the condition of the IF, where it would wait for records that are not yet committed.
        SELECT EXISTS (SELECT 1 FROM site_urls) INTO v_recorded;
        IF v_recorded THEN
            INSERT INTO invalidations (scope, subject, cause)
            SELECT DISTINCT 'image', site_urls.code, 'resend'
            FROM invalidations AS numbered FORCE INDEX (batch)
            STRAIGHT_JOIN site_urls FORCE INDEX (content) ON site_urls.content = numbered.subject
            WHERE numbered.batch = v_batch AND numbered.scope = 'digest';
            SET p_more = p_more OR ROW_COUNT() > 0;
        END IF;
    END IF;
    COMMIT;
END//

-- Makes up for a clock that was ahead while changes were numbered, once it is right again. Numbers go on from the latest
-- date, so until that time has come no change would get a true one. Takes the counter back to the present, and writes a
-- row into the outbox for each subject whose change has a date of the future: it is purged again, and dated like any
-- other change. Returns one row: the count of these subjects. The batches keep their dates, which receipts and the
-- signed log tell; redated_at lets pruning judge them.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS redate_changes()
    MODIFIES SQL DATA
BEGIN
    DECLARE v_true BIGINT UNSIGNED;
    DECLARE v_size INT UNSIGNED DEFAULT 0;
    DECLARE v_now, v_before DATETIME(6);
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    START TRANSACTION;
    SELECT numbered_at INTO v_before FROM numbering WHERE one = 1 FOR UPDATE;
    SET v_now = TIMESTAMPADD(MICROSECOND, UNIX_TIMESTAMP(SYSDATE(6)) * 1000000, '1970-01-01');
    IF v_before > v_now THEN
        -- Dates only grow: all batches after the last one with a date of the past have dates of the future.
        SET v_true = COALESCE((SELECT batch FROM batches WHERE numbered_at <= v_now ORDER BY batch DESC LIMIT 1), 0);
        INSERT INTO invalidations (scope, subject, cause)
        SELECT DISTINCT scope, subject, 'resend' FROM invalidations FORCE INDEX (batch) WHERE batch > v_true;
        SET v_size = ROW_COUNT();
        UPDATE batches SET redated_at = v_now WHERE batch > v_true;
        UPDATE numbering SET numbered_at = v_now, clock = v_now WHERE one = 1;
    END IF;
    COMMIT;
    SELECT v_size AS size;
END//

-- Moves the malformed rows without a number, of ids from p_first to p_last, from the outbox to the table unnumberable, in
-- the transaction of number_invalidations: no purge can be made of them, and they would block all others. Comparisons
-- ignore trailing spaces, so that such a ban may hide an image: a row without the spaces is written to the outbox.
-- p_found: whether there were any. The temporary table names no engine: members of a MySQL group are advised to disable
-- MEMORY.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS remove_malformed(
    IN p_first BIGINT UNSIGNED, IN p_last BIGINT UNSIGNED, OUT p_found BOOLEAN)
    MODIFIES SQL DATA
BEGIN
    CREATE TEMPORARY TABLE IF NOT EXISTS malformed (id BIGINT UNSIGNED NOT NULL PRIMARY KEY);
    DELETE FROM malformed;
    INSERT INTO malformed
    SELECT id
    FROM invalidations FORCE INDEX (batch)
    WHERE batch IS NULL AND id BETWEEN p_first AND p_last AND (
        CAST(scope AS BINARY) NOT IN ('image', 'owner', 'digest')
        OR LENGTH(subject) NOT BETWEEN 1 AND 64 OR subject REGEXP '[^A-Za-z0-9_-]'
        OR (scope = 'digest' AND (LENGTH(subject) <> 64 OR subject REGEXP '[^0-9a-f]')));
    SET p_found = EXISTS (SELECT 1 FROM malformed);

    INSERT IGNORE INTO unnumberable (id, scope, subject, cause, ban_id, written_at, found_at)
    SELECT invalidations.id, scope, subject, cause, ban_id, written_at, UTC_TIMESTAMP(6)
    FROM malformed STRAIGHT_JOIN invalidations FORCE INDEX (PRIMARY) ON invalidations.id = malformed.id
    WHERE invalidations.batch IS NULL;

    DELETE invalidations
    FROM malformed STRAIGHT_JOIN invalidations FORCE INDEX (PRIMARY) ON invalidations.id = malformed.id
    WHERE invalidations.batch IS NULL;

    INSERT INTO invalidations (scope, subject, cause, ban_id)
    SELECT RTRIM(scope), RTRIM(subject), cause, ban_id
    FROM malformed STRAIGHT_JOIN unnumberable ON unnumberable.id = malformed.id
    WHERE RTRIM(scope) IN ('image', 'owner', 'digest')
        AND LENGTH(RTRIM(subject)) BETWEEN 1 AND 64 AND RTRIM(subject) NOT REGEXP '[^A-Za-z0-9_-]'
        AND (RTRIM(scope) <> 'digest' OR (LENGTH(RTRIM(subject)) = 64 AND RTRIM(subject) NOT REGEXP '[^0-9a-f]'));
END//

-- Waits in the server, up to p_wait seconds, for new rows in the outbox, and numbers them. The client knows the outbox
-- up to batch p_known with the identity p_identity. Returns two results. The first: the rows of the batches after
-- p_known, each with its batch's identity unless that is last_batch (no rows if p_known is NULL or more than p_batches
-- old). The second, one row: last_batch, pruned_batch, whether the server is read-only, whether more rows may wait for a
-- number, the largest id, committed or not, the count of rows in unnumberable, the identity of last_batch, the adopted
-- server, and whether p_known is still the batch of this identity.
--
-- While more rows wait, it numbers up to p_chunks batches and returns two results for each, the first with the rows
-- since the batch before. A client that reads them as they come works on one batch while the server numbers the next.
--
-- p_after is as in number_invalidations: a largest id of an earlier result. Every read of the outbox sees all commits
-- so far, and none leaves a transaction open. pruned_batch is read after the rows: a pruning that deleted some before
-- they were read had moved it.
--
-- It looks for rows every p_step seconds. A look of the outer loop costs a server that is otherwise idle four times as
-- much processor time as SLEEP, since the code of each of its statements has left the processor's cache. So a row with
-- an id beyond all others, committed or not, is waited for inside one statement, some 100 ms long: a table's lock is
-- then free again for an ALTER, which holds up moderators meanwhile. Rows that come with a lesser id, batches of other
-- purgers, and the end of the wait are noticed by the outer loop. While rows of open transactions are there, or another
-- purger is numbering, each look is one of the outer loop. It reads each of these rows, which takes 0.4 microseconds:
-- only the newest 2,000 ids therefore, and with longer pauses the more there are, up to ten steps. So a look takes a
-- sixth of the time at most.
--
-- It numbers nothing when the database has gone back, to before p_known or to another batch of that number: the client
-- has to handle that first. Nor when p_speaker, the name of this connection's server, is not the adopted server's: then
-- this is a copy, or a replica that nobody has made the primary yet.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS take_invalidations(
    IN p_known BIGINT UNSIGNED, IN p_identity VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN p_speaker VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN p_batches INT UNSIGNED,
    IN p_after BIGINT UNSIGNED, IN p_wait DOUBLE, IN p_step DOUBLE, IN p_chunks INT UNSIGNED)
    MODIFIES SQL DATA
BEGIN
    DECLARE v_began DATETIME(6) DEFAULT SYSDATE(6);
    DECLARE v_told BIGINT UNSIGNED DEFAULT p_known;
    DECLARE v_largest, v_newest, v_after, v_last, v_id BIGINT UNSIGNED;
    DECLARE v_unnumbered, v_more, v_same, v_speaks, v_sign BOOLEAN DEFAULT FALSE;
    DECLARE v_count, v_size, v_chunk INT UNSIGNED DEFAULT 0;
    DECLARE v_adopted VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

    SET v_adopted = (SELECT server FROM adoptions ORDER BY id DESC LIMIT 1);
    SET v_speaks = v_adopted <=> p_speaker;
    look: LOOP
        SELECT MAX(last_batch) INTO v_last FROM numbering WHERE one = 1;
        -- Before the committed rows are read: a row that is not among them has a larger id, or is unnumbered here.
        SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;
        SELECT COALESCE((SELECT id FROM invalidations FORCE INDEX (PRIMARY) ORDER BY id DESC LIMIT 1), 0),
            p_after IS NULL OR EXISTS (
                SELECT 1 FROM invalidations FORCE INDEX (PRIMARY) WHERE id > p_after AND batch IS NULL
            ) OR EXISTS (SELECT 1 FROM invalidations FORCE INDEX (batch) WHERE batch > v_last)
        INTO v_newest, v_unnumbered;
        IF p_after IS NULL THEN
            SELECT COUNT(*), MAX(id) INTO v_count, v_id
            FROM (SELECT id FROM invalidations FORCE INDEX (batch) WHERE batch IS NULL LIMIT 2) AS few;
        ELSEIF v_unnumbered THEN
            SET v_after = GREATEST(p_after + 2000, v_newest) - 2000;
            SELECT COUNT(*), MAX(id) INTO v_count, v_id
            FROM (
                SELECT id FROM invalidations FORCE INDEX (PRIMARY) WHERE id > v_after AND batch IS NULL LIMIT 2
            ) AS few;
        END IF;
        SET v_largest = COALESCE(v_largest, v_newest);
        -- Setting the clock ends the wait.
        IF v_count > 0 OR NOT v_speaks OR NOT v_last <=> p_known
            OR TIMESTAMPDIFF(MICROSECOND, v_began, SYSDATE(6)) NOT BETWEEN 0 AND 1000000 * p_wait THEN
            LEAVE look;
        END IF;
        IF v_unnumbered THEN
            DO SLEEP(LEAST(p_wait, p_step * LEAST(10, 1 + (GREATEST(p_after, v_newest) - p_after) DIV 500)));
        ELSE
            -- A row of ticks a step. The inner condition names its column: otherwise it would be read once for all steps.
            SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;
            WITH RECURSIVE ticks (tick) AS (
                SELECT 1 UNION ALL SELECT tick + 1 FROM ticks WHERE tick * GREATEST(p_step, 0.0001) < LEAST(0.1, p_wait)
            )
            SELECT EXISTS (
                SELECT 1
                FROM ticks
                WHERE SLEEP(p_step) OR EXISTS (
                    SELECT 1 FROM invalidations FORCE INDEX (PRIMARY) WHERE id > v_newest AND ticks.tick > 0
                )
            ) INTO v_sign;
        END IF;
    END LOOP;

    SET v_same = p_known IS NULL OR p_identity <=> COALESCE(
        (SELECT identity FROM batches WHERE batch = p_known),
        (SELECT identity FROM numbering WHERE one = 1 AND last_batch >= p_known));
    answer: LOOP
        IF v_count > 0 AND v_speaks AND v_same AND COALESCE(v_last >= p_known, v_last IS NOT NULL) THEN
            CALL number_invalidations(v_after, IF(v_count = 1, v_id, NULL), v_size, v_more);
        END IF;
        -- Read before the rows: the client takes all batches up to this one for known.
        SELECT MAX(last_batch) INTO v_last FROM numbering WHERE one = 1;
        SELECT id, batch, scope, subject, cause,
            IF(batch = v_last, NULL, (SELECT identity FROM batches WHERE batches.batch = invalidations.batch)) AS identity
        FROM invalidations FORCE INDEX (batch)
        WHERE batch > v_told AND batch <= v_last AND v_told + p_batches >= v_last
        ORDER BY batch, id;
        -- A number in MySQL and before MariaDB 12.0, and a word since.
        SELECT v_last, pruned_batch, CAST(@@GLOBAL.read_only AS CHAR) NOT IN ('0', 'OFF'), v_more, v_largest,
            (SELECT COUNT(*) FROM unnumberable),
            COALESCE((SELECT identity FROM batches WHERE batch = v_last), numbering.identity), v_adopted, v_same
        FROM numbering
        WHERE one = 1;
        SET v_chunk = v_chunk + 1;
        IF NOT v_more OR v_chunk >= p_chunks THEN
            LEAVE answer;
        END IF;
        SET v_told = v_last, v_count = 2; -- as many as there may be
    END LOOP;
END//

-- Reads the triggers on the tables of this database, one row each. information_schema shows triggers only to accounts
-- that may also create them, and the purger's may not. MySQL's SQL_MODE is a SET, of which the driver would make a
-- Python set, in no order: it is read as text. A trigger is in the schema of its table. Asked for the trigger's, MariaDB
-- looks into all tables of all schemas.
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS present_triggers()
    READS SQL DATA
BEGIN
    SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS on_table, CREATED AS created, ACTION_TIMING AS timing,
        EVENT_MANIPULATION AS event, DEFINER AS definer, CAST(SQL_MODE AS CHAR) AS sql_mode,
        ACTION_STATEMENT AS body
    FROM information_schema.TRIGGERS
    WHERE EVENT_OBJECT_SCHEMA = DATABASE()
    ORDER BY TRIGGER_NAME;
END//

-- Deletes rows past their retention from outbox, batches, receipts, sightings and probe_remarks, about 5,000 rows of the outbox a
-- call: after p_days all but bans and lifts, after p_receipt_days these too. Returns one row: size (rows of the outbox
-- that this call deleted) and more (whether another call may find more).
--
-- Time is the server's, not the purger's, and a clock that leaps deletes nothing early: the limit of the retention
-- moves on by 60 seconds for each second since the last call, of which 10 minutes count at most. The next call begins
-- at retention.outbox_batch, behind the rows that this one has judged. The last batch stays, however old: by its
-- identity a purger notices that the database has gone back.
--
-- All of it is one transaction that runs in the server: an edge's worker that has read fewer rows than there were finds
-- numbering.pruned_batch moved, and a purger that is frozen in the middle holds no lock. Rows are deleted by primary key
-- (see above).
CREATE DEFINER = 'takedown_definer'@'localhost' PROCEDURE IF NOT EXISTS prune_outbox(
    IN p_days INT UNSIGNED, IN p_receipt_days INT UNSIGNED)
    MODIFIES SQL DATA
BEGIN
    DECLARE v_first, v_last, v_last_receipt, v_head BIGINT UNSIGNED;
    DECLARE v_size, v_step INT UNSIGNED DEFAULT 0;
    DECLARE v_now, v_moved_at, v_outbox_until, v_receipts_until, v_oldest DATETIME(6);
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    CREATE TEMPORARY TABLE IF NOT EXISTS picked (id BIGINT UNSIGNED NOT NULL PRIMARY KEY);
    CREATE TEMPORARY TABLE IF NOT EXISTS picked_edges (
        edge VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY);
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    START TRANSACTION;
    SELECT outbox_batch, outbox_until, receipts_until, moved_at INTO v_first, v_outbox_until, v_receipts_until, v_moved_at
    FROM retention WHERE one = 1 FOR UPDATE;
    SELECT last_batch INTO v_head FROM numbering WHERE one = 1;

    SET v_now = TIMESTAMPADD(MICROSECOND, UNIX_TIMESTAMP(SYSDATE(6)) * 1000000, '1970-01-01');
    SELECT COALESCE(MIN(dated), v_now) INTO v_oldest
    FROM (SELECT COALESCE(redated_at, numbered_at) AS dated FROM batches ORDER BY batch LIMIT 1) AS oldest;
    IF v_moved_at IS NULL OR v_moved_at > v_now THEN
        SET v_moved_at = v_now;
    END IF;
    SET v_step = 60 * LEAST(TIMESTAMPDIFF(SECOND, v_moved_at, v_now), 600);
    IF v_step > 0 THEN
        SET v_moved_at = v_now;
    END IF;
    SET v_outbox_until = LEAST(TIMESTAMPADD(DAY, -CAST(p_days AS SIGNED), v_now),
        TIMESTAMPADD(SECOND, v_step, COALESCE(v_outbox_until, v_oldest)));
    SET v_receipts_until = LEAST(TIMESTAMPADD(DAY, -CAST(GREATEST(p_receipt_days, p_days) AS SIGNED), v_now),
        TIMESTAMPADD(SECOND, v_step, COALESCE(v_receipts_until, v_oldest)));

    SELECT MAX(batch) INTO v_last
    FROM (
        SELECT batch, dated, SUM(size) OVER (ORDER BY batch) AS total, ROW_NUMBER() OVER (ORDER BY batch) AS place
        FROM (
            SELECT batch, COALESCE(redated_at, numbered_at) AS dated, size
            FROM batches
            WHERE batch > v_first AND batch < v_head
            ORDER BY batch
            LIMIT 500
        ) AS next
    ) AS counted
    WHERE dated < v_outbox_until AND (total <= 5000 OR place = 1);
    SELECT MAX(batch) INTO v_last_receipt
    FROM (
        SELECT batch, dated, SUM(size) OVER (ORDER BY batch) AS total, ROW_NUMBER() OVER (ORDER BY batch) AS place
        FROM (
            SELECT batch, COALESCE(redated_at, numbered_at) AS dated, size
            FROM batches
            WHERE batch <= v_first AND batch < v_head
            ORDER BY batch
            LIMIT 500
        ) AS next
    ) AS counted
    WHERE dated < v_receipts_until AND (total <= 5000 OR place = 1);

    DELETE FROM picked;
    INSERT INTO picked
    SELECT id FROM invalidations FORCE INDEX (batch) WHERE batch > v_first AND batch <= v_last AND ban_id IS NULL;
    INSERT INTO picked
    SELECT id FROM invalidations FORCE INDEX (batch) WHERE batch <= v_last_receipt;
    SELECT COUNT(*) INTO v_size FROM picked;
    IF v_size > 0 THEN
        DELETE FROM picked_edges;
        INSERT INTO picked_edges SELECT DISTINCT edge FROM sightings UNION SELECT DISTINCT edge FROM probe_remarks;
        DELETE sightings
        FROM picked_edges STRAIGHT_JOIN picked STRAIGHT_JOIN sightings FORCE INDEX (PRIMARY)
            ON sightings.edge = picked_edges.edge AND sightings.invalidation = picked.id;
        DELETE probe_remarks
        FROM picked_edges STRAIGHT_JOIN picked STRAIGHT_JOIN probe_remarks FORCE INDEX (PRIMARY)
            ON probe_remarks.edge = picked_edges.edge AND probe_remarks.invalidation = picked.id;
        DELETE invalidations
        FROM picked STRAIGHT_JOIN invalidations FORCE INDEX (PRIMARY) ON invalidations.id = picked.id;
    END IF;
    IF v_last IS NOT NULL OR v_last_receipt IS NOT NULL THEN
        DELETE FROM batches
        WHERE batch > v_first AND batch <= v_last
            AND NOT EXISTS (SELECT 1 FROM invalidations FORCE INDEX (batch) WHERE invalidations.batch = batches.batch);
        DELETE FROM batches WHERE batch <= v_last_receipt;
        DELETE FROM picked_edges;
        INSERT INTO picked_edges SELECT DISTINCT edge FROM receipts;
        DELETE receipts
        FROM picked_edges STRAIGHT_JOIN receipts FORCE INDEX (PRIMARY)
            ON receipts.edge = picked_edges.edge AND receipts.batch > v_first AND receipts.batch <= v_last
        WHERE NOT EXISTS (SELECT 1 FROM batches WHERE batches.batch BETWEEN receipts.first_batch AND receipts.batch);
        DELETE receipts
        FROM picked_edges STRAIGHT_JOIN receipts FORCE INDEX (PRIMARY)
            ON receipts.edge = picked_edges.edge AND receipts.batch <= v_last_receipt;
    END IF;

    UPDATE numbering SET pruned_batch = GREATEST(pruned_batch, v_last) WHERE one = 1 AND v_last IS NOT NULL;
    UPDATE retention
    SET outbox_until = v_outbox_until, receipts_until = v_receipts_until, moved_at = v_moved_at,
        outbox_batch = COALESCE(v_last, outbox_batch), receipts_batch = COALESCE(v_last_receipt, receipts_batch)
    WHERE one = 1;
    COMMIT;
    SELECT v_size AS size, v_last IS NOT NULL OR v_last_receipt IS NOT NULL AS more;
END//
