-- Statements of the door (`purger door`): the orders of its clients, and how far each takedown is.

-- name: door_ban
-- Bans a subject by an order, in one transaction, and reads the ban as door_takedown does. A key that this client has
-- used is refused (ER_DUP_ENTRY).
CALL door_ban(%(scope)s, %(subject)s, %(reason)s, %(banned_by)s, %(client)s, %(key)s, %(fingerprint)s, %(reference)s)

-- name: door_order
-- Reads the ban and the fingerprint of what a client ordered with a key.
SELECT ban_id, fingerprint FROM door_orders WHERE client = %(client)s AND idempotency_key = %(key)s

-- name: door_takedown
-- Reads a ban, with the client and the reference of its order; NULL for these: no client ordered it.
SELECT bans.id, bans.scope, bans.subject, bans.reason, bans.banned_by, bans.banned_at, bans.lifted_at, bans.lifted_by,
    bans.lift_reason, door_orders.client, door_orders.reference
FROM bans LEFT JOIN door_orders ON door_orders.ban_id = bans.id
WHERE bans.id = %(id)s

-- name: door_takedowns
-- Reads bans with ids below %(before)s of the scopes in the list %(scopes)s, the newest first, as door_takedown does.
SELECT bans.id, bans.scope, bans.subject, bans.reason, bans.banned_by, bans.banned_at, bans.lifted_at, bans.lifted_by,
    bans.lift_reason, door_orders.client, door_orders.reference
FROM bans LEFT JOIN door_orders ON door_orders.ban_id = bans.id
WHERE bans.id < %(before)s AND FIND_IN_SET(bans.scope, %(scopes)s) AND (NOT %(open)s OR bans.lifted_at IS NULL)
ORDER BY bans.id DESC
LIMIT %(limit)s

-- name: door_takedowns_of_client
-- Reads the same of those bans that a client ordered.
SELECT bans.id, bans.scope, bans.subject, bans.reason, bans.banned_by, bans.banned_at, bans.lifted_at, bans.lifted_by,
    bans.lift_reason, door_orders.client, door_orders.reference
FROM door_orders FORCE INDEX (client) STRAIGHT_JOIN bans ON bans.id = door_orders.ban_id
WHERE door_orders.client = %(client)s AND door_orders.ban_id < %(before)s AND FIND_IN_SET(bans.scope, %(scopes)s)
    AND (NOT %(open)s OR bans.lifted_at IS NULL)
ORDER BY door_orders.ban_id DESC
LIMIT %(limit)s

-- name: door_open_bans
-- Reads the bans on a subject that a client has ordered and that are open.
SELECT bans.id
FROM bans FORCE INDEX (subject) STRAIGHT_JOIN door_orders ON door_orders.ban_id = bans.id
WHERE bans.scope = %(scope)s AND bans.subject = %(subject)s AND bans.lifted_at IS NULL
    AND door_orders.client = %(client)s
ORDER BY bans.id

-- name: lift_door_takedown
-- Lifts a ban that is open.
UPDATE bans
SET lifted_at = UTC_TIMESTAMP(3), lifted_by = %(lifted_by)s, lift_reason = %(reason)s
WHERE id = %(id)s AND lifted_at IS NULL

-- name: ban_sightings
-- Reads what probes got from each edge after a ban.
CALL ban_sightings(%(ban)s)

-- name: owner_of_code
-- Reads the owner of an image; NULL: there is no such image.
SELECT owner_of_code(%(code)s) AS owner
