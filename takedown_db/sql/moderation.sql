-- Statements of moderation: ban, lift, list bans, and ask how far the edges are.

-- name: insert_ban
-- Bans a code or an owner.
INSERT INTO bans (scope, subject, reason, banned_by) VALUES (%(scope)s, %(subject)s, %(reason)s, %(banned_by)s)

-- name: lift_ban
-- Lifts the open bans of a code or an owner.
UPDATE bans
SET lifted_at = UTC_TIMESTAMP(3)
WHERE scope = %(scope)s AND subject = %(subject)s AND lifted_at IS NULL

-- name: list_bans
-- Reads bans, the newest first: all, or those of one subject; with %(open)s only those that stand. A date that does
-- not exist, as version 0.1 let in, is read as 1970-01-01: the driver would make NULL of it, and lifted_at NULL means
-- that a ban stands.
SELECT id, scope, subject, reason, banned_by,
    IF(YEAR(banned_at) * MONTH(banned_at) * DAYOFMONTH(banned_at) = 0, TIMESTAMP '1970-01-01 00:00:00', banned_at)
        AS banned_at,
    IF(YEAR(lifted_at) * MONTH(lifted_at) * DAYOFMONTH(lifted_at) = 0, TIMESTAMP '1970-01-01 00:00:00', lifted_at)
        AS lifted_at
FROM bans
WHERE (%(scope)s IS NULL OR (scope = %(scope)s AND subject = %(subject)s)) AND (NOT %(open)s OR lifted_at IS NULL)
ORDER BY id DESC
LIMIT %(limit)s

-- name: owner_bans
-- Reads the open bans of an image's owner, the oldest first.
CALL owner_bans_v1(%(code)s)

-- name: subject_known
-- Reads whether there is an image with this code, or of this owner.
CALL subject_known_v1(%(scope)s, %(subject)s)

-- name: acknowledgements
-- Reads how far the rows of a ban, of a subject or (NULL for each) of the whole outbox have come, up to the id
-- %(upto)s; then the batch that each enabled edge has acknowledged.
CALL acknowledgements_v1(%(ban)s, %(scope)s, %(subject)s, %(upto)s)

-- name: delivery_state
-- Counts the purgers that signed within %(alive)s seconds and the enabled edges, and reads the largest id in the
-- outbox.
CALL delivery_v1(%(alive)s)
