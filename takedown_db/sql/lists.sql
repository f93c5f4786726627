-- Statements about lists of hashes (list_routines.sql carries them out).

-- name: lists
-- Reads all lists by name, with the number of their open bans and suggestions.
SELECT
    id, name, source, policy, added_at, fetched_at, entries, problem,
    (
        SELECT COUNT(*)
        FROM list_bans STRAIGHT_JOIN bans ON bans.id = list_bans.ban_id AND bans.lifted_at IS NULL
        WHERE list_bans.list = lists.id
    ) AS bans,
    (SELECT COUNT(*) FROM suggestions WHERE suggestions.list = lists.id AND state = 'open') AS suggestions
FROM lists
ORDER BY name

-- name: list_add
-- Adds a list.
INSERT INTO lists (name, source, policy) VALUES (%(name)s, %(source)s, %(policy)s)

-- name: list_take_edition
-- Takes the next edition of a list, in a transaction.
UPDATE lists SET last_edition = last_edition + 1 WHERE id = %(list)s

-- name: list_edition
-- Reads the edition that was taken last.
SELECT last_edition FROM lists WHERE id = %(list)s

-- name: list_insert
-- Writes entries of the JSON array %(entries)s of pairs [kind, hash as 64 hex digits]. One that is there already stays.
INSERT IGNORE INTO list_entries (list, edition, kind, name)
SELECT %(list)s, %(edition)s, kind, UNHEX(name)
FROM JSON_TABLE(%(entries)s, '$[*]' COLUMNS (
    kind VARCHAR(8) CHARACTER SET ascii PATH '$[0]', name VARCHAR(64) CHARACTER SET ascii PATH '$[1]')) AS listed

-- name: list_count_entries
-- Counts the entries of an edition.
SELECT COUNT(*) AS entries FROM list_entries WHERE list = %(list)s AND edition = %(edition)s

-- name: list_replace
-- Lets an edition count, in one step, unless a later one does already.
UPDATE lists
SET
    edition = %(edition)s, entries = %(entries)s, fingerprint = UNHEX(%(fingerprint)s), fetched_at = UTC_TIMESTAMP(3),
    problem = NULL
WHERE id = %(list)s AND edition < %(edition)s

-- name: list_unchanged
-- Notes that a list was fetched, if its entries are those that count.
UPDATE lists SET fetched_at = UTC_TIMESTAMP(3), problem = NULL WHERE id = %(list)s AND fingerprint = UNHEX(%(fingerprint)s)

-- name: list_failed
-- Notes why a fetch changed nothing.
UPDATE lists SET problem = %(problem)s WHERE id = %(list)s

-- name: list_prune_entries
-- Deletes entries of earlier editions, %(limit)s at most. A later one is being written.
DELETE FROM list_entries
WHERE list = %(list)s AND edition < (SELECT edition FROM lists WHERE id = %(list)s)
LIMIT %(limit)s

-- name: list_match
-- Carries out a list. Reads the numbers of its entries, of new bans and suggestions, of lifts, and of suggestions that were withdrawn.
CALL match_list(%(list)s)

-- name: list_remove
-- Removes a list.
DELETE FROM lists WHERE id = %(list)s

-- name: list_remove_suggestions
-- Removes the open suggestions of a list.
DELETE FROM suggestions WHERE list = %(list)s AND state = 'open'

-- name: list_remove_bans
-- Forgets which bans a list has written. They stay.
DELETE FROM list_bans WHERE list = %(list)s

-- name: list_remove_entries
-- Removes entries of a list, %(limit)s at most.
DELETE FROM list_entries WHERE list = %(list)s LIMIT %(limit)s

-- name: list_suggestions
-- Reads the open suggestions of a list, the newest first: the hash, and when it was suggested (UTC).
SELECT subject, made_at
FROM suggestions
WHERE kind = 'list' AND list = %(list)s AND state = 'open'
ORDER BY id DESC
LIMIT %(limit)s
