-- Creates the tables. They need MySQL 8.0.29 or MariaDB 10.6, or later.
--
-- Keys are ASCII and compared byte by byte. ascii_bin still ignores trailing spaces in comparisons and a REGEXP with
-- anchors lets a trailing newline through, so every key has a CHECK on its length in bytes and on the absence of other
-- characters. Columns are wider than the check allows: a session without strict mode cuts a value at the column's
-- width, and what was cut must not pass for a valid key.
--
-- MariaDB lets every session switch CHECKs off, so triggers hold the same rules (check_triggers.sql). Only they hold
-- those of the scopes, which may grow, of renditions.path, and of the outbox, which is written with each ban: to add a
-- CHECK the server copies the table.

-- 1. What a site shows: written by `origin import` and `origin ingest`, read by the origin.

CREATE TABLE IF NOT EXISTS images (
    code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    owner VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    stable_until DATETIME NULL COMMENT 'UTC; until then browsers may keep the image without asking',
    imported_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC',
    KEY owner (owner),
    KEY imported_at (imported_at),
    CONSTRAINT images_code_is_1_to_64_of_letters_digits_underscore_dash
        CHECK (LENGTH(code) BETWEEN 1 AND 64 AND code NOT REGEXP '[^A-Za-z0-9_-]'),
    CONSTRAINT images_owner_is_1_to_64_of_letters_digits_underscore_dash
        CHECK (LENGTH(owner) BETWEEN 1 AND 64 AND owner NOT REGEXP '[^A-Za-z0-9_-]')
) ENGINE = InnoDB COMMENT 'One row an image';

-- The key content finds the images with one content, the key named the originals that have to be read again for their names.
-- While an original is not named, its content is that of its digest (check_triggers.sql).
CREATE TABLE IF NOT EXISTS renditions (
    code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'images.code',
    name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'original, thumb, ...',
    content_type VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    size BIGINT UNSIGNED NOT NULL COMMENT 'bytes',
    width INT UNSIGNED NOT NULL COMMENT 'pixels',
    height INT UNSIGNED NOT NULL COMMENT 'pixels',
    digest VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the file in lower-case hex: its ETag and its name in the store',
    path VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL
        COMMENT 'of the file below the root of --in-place; NULL: the own store has it, by its digest',
    content VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT (digest) COMMENT 'content_names.content: the subject of bans by content',
    named BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'content_names has every name of the original',
    PRIMARY KEY (code, name),
    KEY digest (digest, name),
    KEY content (content, name),
    KEY named (named, name),
    CONSTRAINT renditions_code_is_1_to_64_of_letters_digits_underscore_dash
        CHECK (LENGTH(code) BETWEEN 1 AND 64 AND code NOT REGEXP '[^A-Za-z0-9_-]'),
    CONSTRAINT renditions_name_is_1_to_32_of_a_to_z_digits_underscore_dash
        CHECK (LENGTH(name) BETWEEN 1 AND 32 AND name NOT REGEXP '[^a-z0-9_-]'),
    CONSTRAINT renditions_content_type_is_image_slash_subtype
        CHECK (LENGTH(content_type) <= 64 AND content_type LIKE 'image/_%' AND content_type NOT REGEXP '[^a-z0-9/+.-]'),
    CONSTRAINT renditions_digest_is_sha256_in_small_hex
        CHECK (LENGTH(digest) = 64 AND digest NOT REGEXP '[^0-9a-f]')
) ENGINE = InnoDB COMMENT 'What the origin serves, and all it needs to know of it';

-- A content is what bans by content name: each file has one, and files with a common name have the same. Its id is the
-- canonical SHA-256 of the first of these files. Only note_contents writes here (content_routines.sql).
CREATE TABLE IF NOT EXISTS content_names (
    name BINARY(32) NOT NULL PRIMARY KEY COMMENT 'a SHA-256, or a SHA-1 or MD5 with zeros behind it: of a file as it was received, or without its metadata',
    content VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'in lower-case hex',
    KEY content (content)
) ENGINE = InnoDB COMMENT 'The hashes by which the world names each content';

-- The origin reads the bytes of a site's own server once. Only record_site_url writes them down here; it has the rules of
-- the columns.
CREATE TABLE IF NOT EXISTS site_urls (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY COMMENT 'SHA-256 in lower-case hex of host, line feed and url',
    code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of the image that the URL shows, by the site''s rules',
    host VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    url VARCHAR(8192) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'path and query, as the edge asks for them',
    digest VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the bytes as received, in lower-case hex',
    length BIGINT UNSIGNED NOT NULL COMMENT 'bytes',
    etag VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'as the site''s server sent it; empty: it sent none',
    last_modified VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'likewise',
    recorded_at DATETIME(3) NOT NULL COMMENT 'UTC; when it was last read',
    content VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'content_names.content',
    KEY code (code, content),
    KEY content (content, code)
) ENGINE = InnoDB COMMENT 'The content of each URL of a site''s own server, as the origin read it';

-- 2. Moderation: the table that moderators write, and its log, which triggers write.

CREATE TABLE IF NOT EXISTS bans (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'image: subject is a code; owner: an owner''s key; digest: a content',
    subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
    banned_by VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
    banned_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC',
    lifted_at DATETIME(3) NULL COMMENT 'UTC; any value lifts, whatever the time it names',
    lifted_by VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'NULL exactly where lifted_at is, as lift_reason',
    lift_reason VARCHAR(255) CHARACTER SET utf8mb4 NULL,
    name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
        COMMENT 'the hash that was written as the subject, where it is another name of the content',
    KEY subject (scope, subject, lifted_at),
    CONSTRAINT bans_subject_is_1_to_64_of_letters_digits_underscore_dash
        CHECK (LENGTH(subject) BETWEEN 1 AND 64 AND subject NOT REGEXP '[^A-Za-z0-9_-]')
) ENGINE = InnoDB COMMENT 'The interface to moderation: INSERT bans, setting lifted_at lifts';

CREATE TABLE IF NOT EXISTS moderation_log (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    action VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'ban; lift; unban: row deleted or moved to another subject; change; move: an image changed owner or code, or was deleted',
    ban_id BIGINT UNSIGNED NULL COMMENT 'bans.id',
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'as it was then, as all that follows',
    subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    owner VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'action move: the former owner',
    reason VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
    banned_by VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
    detail VARCHAR(8192) CHARACTER SET utf8mb4 NULL COMMENT 'change: the values before, as JSON; move: where to',
    invalidation BIGINT UNSIGNED NULL COMMENT 'invalidations.id: the purge that this caused; NULL: none was written',
    account VARCHAR(384) CHARACTER SET utf8mb4 NOT NULL DEFAULT '' COMMENT 'USER() of the session, whatever it claimed',
    logged_at DATETIME(6) NOT NULL DEFAULT '1970-01-01' COMMENT 'UTC, the server''s clock, whatever the session set',
    banned_at DATETIME(3) NULL COMMENT 'bans.banned_at after the act, or before the deletion; NULL: an act on no ban',
    lifted_at DATETIME(3) NULL COMMENT 'bans.lifted_at, likewise',
    lifted_by VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'bans.lifted_by, likewise',
    lift_reason VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'bans.lift_reason, likewise',
    KEY subject (scope, subject),
    KEY ban (ban_id),
    KEY invalidation (invalidation),
    KEY owner (owner)
) ENGINE = InnoDB COMMENT 'Append-only: who banned, lifted and changed what. Written by triggers only, never pruned';

-- Written in the ban's own transaction, so that a client that repeats its request with its key never bans twice.
CREATE TABLE IF NOT EXISTS door_orders (
    ban_id BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'bans.id',
    client VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'who ordered it: a name of the door''s file of clients',
    idempotency_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'as the client sent it; NULL: it sent none',
    fingerprint BINARY(32) NOT NULL COMMENT 'SHA-256 of what it ordered',
    reference VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '' COMMENT 'the client''s own name for the case',
    UNIQUE KEY repeated (client, idempotency_key),
    KEY client (client, ban_id)
) ENGINE = InnoDB COMMENT 'The bans that programs ordered through `purger door`';

CREATE TABLE IF NOT EXISTS erasures (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    action VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'begin and done of one erasure; erased: a file was destroyed; kept: another image shares it',
    original VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the banned original',
    ban_id BIGINT UNSIGNED NOT NULL COMMENT 'bans.id: the ban by digest that was open',
    digest VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'erased, kept: SHA-256 of the file',
    path VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'erased, kept: its path in place; NULL: in the own store',
    detail VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '' COMMENT 'for people',
    account VARCHAR(384) CHARACTER SET utf8mb4 NOT NULL DEFAULT '' COMMENT 'USER() of the session, whatever it claimed',
    written_at DATETIME(6) NOT NULL DEFAULT '1970-01-01' COMMENT 'UTC, the server''s clock, whatever the session set',
    KEY original (original),
    KEY digest (digest)
) ENGINE = InnoDB COMMENT 'Append-only: which bytes `origin erase` destroyed, when and by whom. Never pruned';

-- 3. The outbox: what has to be purged, and the numbers by which purgers and edges speak of it.

-- The key subject holds the batch: the origin's lookup reads the last one of a subject from the index. In rows of the
-- format REDUNDANT a NULL takes as much room as a number, so that numbering changes a row where it is. In another format
-- each row would grow and split full pages, which takes twice the processor time.
CREATE TABLE IF NOT EXISTS invalidations (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    cause VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'ban, lift, unban, image, rendition, resend',
    ban_id BIGINT UNSIGNED NULL COMMENT 'bans.id, where a row of bans is the cause',
    written_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'UTC; the statement''s time, before its commit',
    batch BIGINT UNSIGNED NULL COMMENT 'NULL until the purger numbers the row, which it does after the commit',
    KEY batch (batch),
    KEY subject (scope, subject, batch),
    KEY ban (ban_id)
) ENGINE = InnoDB ROW_FORMAT = REDUNDANT COMMENT 'The outbox. A row purges, and bans nothing';

CREATE TABLE IF NOT EXISTS numbering (
    one TINYINT NOT NULL PRIMARY KEY DEFAULT 1,
    last_batch BIGINT UNSIGNED NOT NULL DEFAULT 0,
    numbered_at DATETIME(6) NOT NULL DEFAULT '1970-01-01' COMMENT 'UTC; never goes back, whatever the clock does, but for `purger redate`',
    pruned_batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'batches up to this one may have left the outbox',
    identity VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT (UUID()) COMMENT 'the identity of batch 0',
    clock DATETIME(6) NOT NULL DEFAULT '1970-01-01' COMMENT 'UTC; what the server took for the time when it gave the last number',
    CONSTRAINT numbering_has_one_row CHECK (one = 1)
) ENGINE = InnoDB COMMENT 'The counter behind batch numbers; its row lock makes numbers follow commits';

CREATE TABLE IF NOT EXISTS batches (
    batch BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    numbered_at DATETIME(6) NOT NULL COMMENT 'UTC',
    size INT UNSIGNED NOT NULL COMMENT 'rows of the outbox',
    identity VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT (UUID())
        COMMENT 'a number that was given before a restore is another batch afterwards',
    redated_at DATETIME(6) NULL COMMENT 'UTC; when `purger redate` found numbered_at in the future'
) ENGINE = InnoDB;

-- While an edge lacks the batch of an image's last change, it keeps an answer only briefly.
CREATE TABLE IF NOT EXISTS changes (
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    changed_at DATETIME(6) NOT NULL COMMENT 'UTC; when the latest change was numbered. Rounded up it is Last-Modified',
    batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of the latest change',
    PRIMARY KEY (scope, subject)
) ENGINE = InnoDB COMMENT 'When each subject last changed; outlives the outbox';

CREATE TABLE IF NOT EXISTS unnumberable (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'invalidations.id',
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    cause VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    ban_id BIGINT UNSIGNED NULL,
    written_at DATETIME(6) NOT NULL COMMENT 'UTC',
    found_at DATETIME(6) NOT NULL COMMENT 'UTC'
) ENGINE = InnoDB COMMENT 'Malformed rows that were taken out of the outbox: they name no image and would block every other';

CREATE TABLE IF NOT EXISTS retention (
    one TINYINT NOT NULL PRIMARY KEY DEFAULT 1,
    outbox_until DATETIME(6) NULL COMMENT 'UTC; what was numbered before has left the outbox, but for bans and lifts',
    outbox_batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the last batch of that',
    receipts_until DATETIME(6) NULL COMMENT 'UTC; what was numbered before is gone, bans, lifts and receipts too',
    receipts_batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the last batch of that',
    moved_at DATETIME(6) NULL COMMENT 'UTC; when the two times last moved',
    leaves_outbox_batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'leaves of batches up to this one were pruned, but for those with acts of moderation',
    leaves_receipts_batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'leaves of batches up to this one were pruned, but for subjects that were banned then',
    CONSTRAINT retention_has_one_row CHECK (one = 1)
) ENGINE = InnoDB COMMENT 'How far pruning has come; it moves by bounded steps, whatever a clock says';

-- 4. Edges and purgers.

-- A request to flush has a number, so that one which comes while another is carried out is not taken for done with it.
-- rebounded_...: each purge is sent again, since a stalled thread of the edge could still store what it was to remove.
CREATE TABLE IF NOT EXISTS edges (
    name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    purge_url VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'listener purge',
    public_url VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'listener public: probes and audits request images from it',
    token_file VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL COMMENT 'on the purger''s machine',
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    added_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC',
    instance VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'the varnishd process that the progress belongs to',
    acknowledged BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'all batches up to this one were acknowledged',
    rebounded BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'all batches up to this one were sent and acknowledged a second time',
    triggers VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'fingerprint of the outbox''s triggers when the edge was last flushed',
    seen_at DATETIME(3) NULL COMMENT 'UTC; last answer of the edge',
    epoch DATETIME(3) NULL COMMENT 'UTC, the edge''s clock; last heartbeat it accepted',
    lease DOUBLE NULL COMMENT 'seconds for which it trusts its cache after a heartbeat, as it last said; 0: it never stops',
    problem VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'what keeps the edge from being served now',
    ca_file VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'on the purger''s machine: who may have signed the edge''s certificate',
    certificate_file VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'on the purger''s machine: the client certificate',
    key_file VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'on the purger''s machine: its key',
    flush_asked BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the last request to empty the edge',
    flush_asked_by VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '' COMMENT 'who asked last',
    flush_done BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the last request that a flush has answered',
    flush_done_at DATETIME(6) NULL COMMENT 'UTC, the database''s clock; when that was recorded',
    served_code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'the last removed image that a probe still got, for which the edge was to be flushed',
    served_at DATETIME(6) NULL COMMENT 'UTC; when that flush was asked for',
    rebounded_later BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'all batches up to this one were sent again some seconds later',
    rebounded_last BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'all batches up to this one were sent again a minute later',
    flushed_at DATETIME(3) NULL COMMENT 'UTC, the edge''s clock; its last flush',
    purger VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'purgers.id: who has claimed this edge; NULL: nobody',
    CONSTRAINT edges_name_is_1_to_64_of_letters_digits_underscore_dash_dot
        CHECK (LENGTH(name) BETWEEN 1 AND 64 AND name NOT REGEXP '[^A-Za-z0-9_.-]')
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS purgers (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY COMMENT 'made by each process at its start',
    host VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
    pid INT UNSIGNED NOT NULL,
    version VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    since DATETIME(3) NOT NULL COMMENT 'UTC, the database''s clock',
    seen_at DATETIME(3) NOT NULL COMMENT 'UTC, the database''s clock',
    beat BIGINT UNSIGNED NOT NULL COMMENT 'number of signatures so far',
    clock DATETIME(3) NULL COMMENT 'UTC, the purger''s own clock at its last signature'
) ENGINE = InnoDB COMMENT 'Presence: each purger signs twice a second';

CREATE TABLE IF NOT EXISTS adoptions (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    server VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'as the server names itself',
    adopted_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC',
    adopted_by VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT ''
) ENGINE = InnoDB COMMENT 'Append-only; the newest row counts. Written by purger migrate (the first) and purger adopt';

-- 5. Receipts: what each edge acknowledged, and what its public listener answered afterwards.

CREATE TABLE IF NOT EXISTS receipts (
    edge VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'edges.name; kept when the edge is removed',
    batch BIGINT UNSIGNED NOT NULL COMMENT 'the last batch that this acknowledgement covers',
    first_batch BIGINT UNSIGNED NOT NULL COMMENT 'the first one',
    method VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'purge or flush',
    instance VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    acknowledged_at DATETIME(6) NOT NULL COMMENT 'UTC, the database''s clock',
    PRIMARY KEY (edge, batch)
) ENGINE = InnoDB COMMENT 'Who acknowledged what and when; joined with the outbox it is a receipt a ban';

CREATE TABLE IF NOT EXISTS sightings (
    edge VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'edges.name',
    invalidation BIGINT UNSIGNED NOT NULL COMMENT 'invalidations.id',
    seen_at DATETIME(6) NOT NULL COMMENT 'UTC, the database''s clock',
    status SMALLINT UNSIGNED NULL COMMENT 'HTTP status of the answer',
    gone BOOLEAN NOT NULL COMMENT 'what came was none of the image''s renditions',
    note VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'a remark on the result, or the other result that it replaced',
    code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'of a ban on an owner or a digest: the image that was probed; empty: the subject as a whole',
    looked INT UNSIGNED NULL COMMENT 'of such a ban, as a whole: the images that were seen gone',
    images INT UNSIGNED NULL COMMENT 'and of how many; counted up to 200,000',
    flushed_at DATETIME(6) NULL COMMENT 'UTC; when the edge was flushed between the last probe that got the image and this one',
    PRIMARY KEY (edge, invalidation, code)
) ENGINE = InnoDB COMMENT 'Probe results: what each edge''s public listener answered after the acknowledgement';

-- Apart from sightings, so that each row there is a result. A reason why nothing is proven has a leaf in the signed log,
-- too, when it is new.
CREATE TABLE IF NOT EXISTS probe_remarks (
    edge VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'edges.name',
    invalidation BIGINT UNSIGNED NOT NULL COMMENT 'invalidations.id',
    code VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'as in sightings',
    removed INT UNSIGNED NULL COMMENT 'objects that Varnish says it removed',
    status SMALLINT UNSIGNED NULL COMMENT 'HTTP status of the last answer that proved nothing',
    note VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'why nothing is proven yet',
    PRIMARY KEY (edge, invalidation, code)
) ENGINE = InnoDB COMMENT 'Remarks on purges and probes: no evidence';

-- 6. Hooks: triggers on a site's own tables that write bans. `purger hook --apply` fills these tables, and `purger status`
-- compares them with the triggers that exist.

CREATE TABLE IF NOT EXISTS hooks (
    name VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY COMMENT 'bans.banned_by of its bans',
    table_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'bans.scope of its bans',
    subject TEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'SQL: the subject of a row''s ban; NULL: the row has none',
    hidden_when TEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'SQL: whether a row is taken down',
    reason VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
    bans_deleted BOOLEAN NOT NULL COMMENT 'a deleted row is taken down',
    lifts_deleted BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'a deleted row lifts the hook''s bans of its subject',
    purges_renamed BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'a row that gets another subject purges the former one',
    lifts_inserted BOOLEAN NOT NULL COMMENT 'a new row lifts the hook''s earlier bans of its subject',
    purges_deleted BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'a deleted row purges its subject',
    purged_when TEXT CHARACTER SET utf8mb4 NULL COMMENT 'SQL: a change of its value purges the subject; NULL: nothing does',
    applied_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC'
) ENGINE = InnoDB COMMENT 'Written by purger hook';

CREATE TABLE IF NOT EXISTS hook_triggers (
    hook VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'hooks.name',
    name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    event VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'INSERT, UPDATE or DELETE',
    body TEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'as it was created',
    PRIMARY KEY (hook, name)
) ENGINE = InnoDB COMMENT 'The triggers of each hook, all AFTER their event';

-- 7. The signed log: leaves that have their place, the whole nodes above them, and signed checkpoints.
-- Texts are bytes here, since they are hashed: a character set could change them on their way.

-- The transaction that writes a receipt writes its entry. The purger's account may not write `removal`, so it adds nothing
-- else than what it has seen of edges: every other leaf is made from its row.
CREATE TABLE IF NOT EXISTS log_entries (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    content BLOB NOT NULL COMMENT 'the leaf in canonical JSON',
    openings MEDIUMBLOB NULL COMMENT 'values and salts of its commitments, as JSON; or its receipts, compressed',
    removal BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'it records what prune_leaves or an administrator removed from leaves',
    CONSTRAINT log_entries_content_is_of_its_kind CHECK (COALESCE(
        JSON_UNQUOTE(JSON_EXTRACT(CONVERT(content USING utf8mb4), '$.kind')), '')
        IN (IF(removal, 'erased', 'acknowledged'), IF(removal, 'pruned', 'seen')))
) ENGINE = InnoDB COMMENT 'Leaves that wait for their place in the signed log';

CREATE TABLE IF NOT EXISTS log_leaves (
    leaf BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'its place, from 0',
    hash BINARY(32) NOT NULL COMMENT 'SHA-256 of 0 and the content (RFC 9162, 2.1.1): stays when the content is pruned',
    kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    source BIGINT UNSIGNED NULL COMMENT 'batch: its number; event: moderation_log.id; acknowledged: the last batch; seen: invalidations.id',
    content BLOB NULL COMMENT 'the leaf in canonical JSON; NULL: pruned',
    openings MEDIUMBLOB NULL COMMENT 'values and salts of its commitments, as JSON, or its receipts, compressed; NULL: erased or none',
    KEY source (kind, source)
) ENGINE = InnoDB COMMENT 'The leaves of the signed log';

-- By it the leaf of an act of moderation is found when its batch is pruned.
CREATE TABLE IF NOT EXISTS log_events (
    leaf BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'log_leaves.leaf, of the kind event',
    batch BIGINT UNSIGNED NOT NULL,
    KEY batch (batch)
) ENGINE = InnoDB COMMENT 'The acts of moderation that each batch has told the edges of';

CREATE TABLE IF NOT EXISTS log_nodes (
    level TINYINT UNSIGNED NOT NULL COMMENT 'a multiple of 4: the others are made of those below',
    position BIGINT UNSIGNED NOT NULL,
    hash BINARY(32) NOT NULL,
    PRIMARY KEY (level, position)
) ENGINE = InnoDB COMMENT 'The root of each whole 16, 256, ... leaves';

CREATE TABLE IF NOT EXISTS log_checkpoints (
    size BIGINT UNSIGNED NOT NULL COMMENT 'number of leaves',
    note VARBINARY(4096) NOT NULL COMMENT 'the signed note',
    PRIMARY KEY (size)
) ENGINE = InnoDB COMMENT 'Signed states of the log; the leaves before each say when it was signed';

CREATE TABLE IF NOT EXISTS log_keys (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    note VARBINARY(4096) NOT NULL COMMENT 'a key, signed by the one before it'
) ENGINE = InnoDB COMMENT 'The keys that followed the first one';

CREATE TABLE IF NOT EXISTS log_state (
    one TINYINT NOT NULL PRIMARY KEY DEFAULT 1,
    size BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'number of leaves',
    begun BIGINT UNSIGNED NULL COMMENT 'the last batch before the log; NULL: the log has not begun',
    checkpoints BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'number of signed states: an audit misses those that were deleted',
    CONSTRAINT log_state_has_one_row CHECK (one = 1)
) ENGINE = InnoDB COMMENT 'Where the signed log ends';
INSERT IGNORE INTO log_state (one) VALUES (1);

-- 8. Webhooks: who is told what became of each takedown. `purger webhook` writes the receivers, a purger the rest.

-- The secret is in a file, so that who reads the database cannot sign.
CREATE TABLE IF NOT EXISTS webhooks (
    name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    url VARCHAR(1024) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of the receiver: nothing is sent elsewhere',
    secret_file VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL COMMENT 'on the purger''s machine',
    ca_file VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'on the purger''s machine: who may have signed the receiver''s certificate',
    link VARCHAR(1024) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'URL with the proof of a takedown, whose id replaces {takedown}',
    enabled BOOLEAN NOT NULL DEFAULT TRUE COMMENT 'what happens while it is FALSE is told later',
    added_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC',
    after_batch BIGINT UNSIGNED NOT NULL COMMENT 'it is told what later batches hold',
    failures INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'failed tries in succession, but for events that only this receiver refuses',
    due_at DATETIME(6) NOT NULL DEFAULT '1970-01-01' COMMENT 'UTC; nothing is sent before',
    problem VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'why the last try failed'
) ENGINE = InnoDB COMMENT 'Receivers of events. Written by purger webhook';

CREATE TABLE IF NOT EXISTS webhook_state (
    one TINYINT NOT NULL PRIMARY KEY DEFAULT 1,
    batch BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'changes up to this batch and row of the outbox are collected',
    invalidation BIGINT UNSIGNED NOT NULL DEFAULT 0,
    CONSTRAINT webhook_state_has_one_row CHECK (one = 1)
) ENGINE = InnoDB COMMENT 'How far the outbox is collected; its row lock makes the ids of events follow their commits';
INSERT IGNORE INTO webhook_state (one) VALUES (1);

CREATE TABLE IF NOT EXISTS webhook_watches (
    ban_id BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'bans.id',
    invalidation BIGINT UNSIGNED NOT NULL COMMENT 'invalidations.id: the purge of the ban',
    batch BIGINT UNSIGNED NOT NULL,
    scope VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    written_at DATETIME(6) NOT NULL COMMENT 'UTC',
    late BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'receivers were told that it takes long',
    KEY batch (batch, late)
) ENGINE = InnoDB COMMENT 'Bans that are not gone at every edge yet';

CREATE TABLE IF NOT EXISTS webhook_events (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    webhook VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'webhooks.name',
    message VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the webhook-id: one event has one for ever',
    ban_id BIGINT UNSIGNED NOT NULL COMMENT 'bans.id',
    payload TEXT CHARACTER SET utf8mb4 NOT NULL COMMENT 'the body as it is sent',
    created_at DATETIME(6) NOT NULL COMMENT 'UTC',
    state VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'waiting' COMMENT 'waiting, told, or dead: given up',
    attempts INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'tries that failed',
    due_at DATETIME(6) NOT NULL COMMENT 'UTC; the next try',
    told_at DATETIME(6) NULL COMMENT 'UTC',
    problem VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'why the last try failed',
    UNIQUE KEY message (webhook, message),
    KEY due (webhook, state, due_at),
    KEY takedown (webhook, ban_id, state)
) ENGINE = InnoDB COMMENT 'The outbox of webhooks: what each receiver is to be told, in order';

-- 9. Lists of hashes that others publish. `purger lists` writes lists and entries, match_list and match_recorded the rest
-- (list_routines.sql).

-- A fetch writes its entries with a new edition, and then names that edition here: so a list is replaced in one step.
CREATE TABLE IF NOT EXISTS lists (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    source VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'path or URL',
    policy VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'ban: what it names is banned; ask: a person decides',
    added_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC',
    fetched_at DATETIME(3) NULL COMMENT 'UTC; when the edition that counts was fetched; NULL: none was',
    edition INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'list_entries.edition of the entries that count',
    last_edition INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the last one that a fetch has taken',
    entries INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'number of entries that count',
    fingerprint BINARY(32) NULL COMMENT 'SHA-256 of the entries that count, sorted: a fetch of the same ones writes none',
    problem VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'why the last fetch changed nothing',
    UNIQUE KEY name (name)
) ENGINE = InnoDB COMMENT 'Lists of hashes';

CREATE TABLE IF NOT EXISTS list_entries (
    list INT UNSIGNED NOT NULL COMMENT 'lists.id',
    edition INT UNSIGNED NOT NULL,
    kind VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'sha256, sha1, md5, pdq',
    name BINARY(32) NOT NULL COMMENT 'as in content_names; of pdq the 256 bits',
    PRIMARY KEY (list, edition, kind, name),
    KEY name (name, kind)
) ENGINE = InnoDB COMMENT 'The hashes of each list; most name nothing here';

-- An entry that was carried out is not carried out again while the list has it, so that a person's lift holds.
CREATE TABLE IF NOT EXISTS list_bans (
    ban_id BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'bans.id',
    list INT UNSIGNED NOT NULL COMMENT 'lists.id',
    name BINARY(32) NOT NULL COMMENT 'list_entries.name',
    UNIQUE KEY entry (list, name)
) ENGINE = InnoDB COMMENT 'The bans that lists have written';

CREATE TABLE IF NOT EXISTS suggestions (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'list: an entry names the content; likeness: a PDQ hash is near',
    subject VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'list: a hash of the content, as in bans; likeness: a code',
    list INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'lists.id; 0: of no list',
    distance INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'bits that differ; 0: the same content',
    state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'open' COMMENT 'open, banned, dismissed',
    made_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'UTC',
    UNIQUE KEY suggested (kind, subject, list),
    KEY state (state, id)
) ENGINE = InnoDB COMMENT 'What a person has to decide';
