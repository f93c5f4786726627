-- name: insert_ban
-- Bans a code or an owner.
INSERT INTO bans (scope, subject, reason, banned_by) VALUES (%(scope)s, %(subject)s, %(reason)s, %(banned_by)s)

-- name: lift_ban
-- Lifts the open ban of a code or an owner.
UPDATE bans
SET lifted_at = UTC_TIMESTAMP(3)
WHERE scope = %(scope)s AND subject = %(subject)s AND lifted_at IS NULL

-- name: list_bans
-- Bans, the newest first: all, or those of one subject; with %(open)s those that stand. A date that does not exist, as 0.1
-- let in, is the first there is: the driver would make NULL of it, and lifted_at NULL means that a ban stands.
SELECT id, scope, subject, reason, banned_by,
    IF(YEAR(banned_at) * MONTH(banned_at) * DAYOFMONTH(banned_at) = 0, TIMESTAMP '1970-01-01 00:00:00', banned_at),
    IF(YEAR(lifted_at) * MONTH(lifted_at) * DAYOFMONTH(lifted_at) = 0, TIMESTAMP '1970-01-01 00:00:00', lifted_at)
FROM bans
WHERE (%(scope)s IS NULL OR (scope = %(scope)s AND subject = %(subject)s)) AND (NOT %(open)s OR lifted_at IS NULL)
ORDER BY id DESC
LIMIT %(limit)s

-- name: owner_bans
-- The open bans of an image's owner, the oldest first.
CALL owner_bans_v1(%(code)s)

-- name: subject_known
-- Whether there is any image with this code, or of this owner.
CALL subject_known_v1(%(scope)s, %(subject)s)

-- name: acknowledgements
-- How far a ban, a subject or (NULL for each) everything has come, of the rows up to %(upto)s; then, how far each edge.
CALL acknowledgements_v1(%(ban)s, %(scope)s, %(subject)s, %(upto)s)

-- name: delivery_state
-- Purgers that signed within so many seconds, enabled edges, the largest id in the outbox.
CALL delivery_v1(%(alive)s)
