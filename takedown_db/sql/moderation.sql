-- Statements of moderation: ban, lift, list bans, and ask how far the edges are.

-- name: insert_ban
-- Bans a subject.
INSERT INTO bans (scope, subject, reason, banned_by) VALUES (%(scope)s, %(subject)s, %(reason)s, %(banned_by)s)

-- name: lift_bans
-- Lifts the open bans of some subjects of one scope.
UPDATE bans
SET lifted_at = UTC_TIMESTAMP(3), lifted_by = %s, lift_reason = %s
WHERE scope = %s AND subject IN ({subjects}) AND lifted_at IS NULL

-- name: count_bans
-- Counts for each subject of the JSON array %(subjects)s of pairs [scope, subject], in its order, the open bans and
-- all bans.
SELECT STRAIGHT_JOIN asked.place, COUNT(bans.id) - COUNT(bans.lifted_at) AS open, COUNT(bans.id) AS bans
FROM JSON_TABLE(%(subjects)s, '$[*]' COLUMNS (
    place FOR ORDINALITY, scope VARCHAR(16) PATH '$[0]', subject VARCHAR(255) PATH '$[1]')) AS asked
LEFT JOIN bans FORCE INDEX (subject)
    ON bans.scope = CONVERT(asked.scope USING ascii) COLLATE ascii_bin
    AND bans.subject = CONVERT(asked.subject USING ascii) COLLATE ascii_bin
GROUP BY asked.place
ORDER BY asked.place

-- name: list_bans
-- Reads bans, the newest first; each parameter that is not NULL keeps those with this scope, subject or author, or
-- written from %(since)s on and before %(until)s; %(open)s only those that are open.
SELECT id, scope, subject, reason, banned_by, banned_at, lifted_at, lifted_by, lift_reason
FROM bans
WHERE (%(scope)s IS NULL OR scope = %(scope)s)
    AND (%(subject)s IS NULL OR subject = %(subject)s)
    AND (%(banned_by)s IS NULL OR banned_by = %(banned_by)s)
    AND (%(since)s IS NULL OR banned_at >= %(since)s)
    AND (%(until)s IS NULL OR banned_at < %(until)s)
    AND (NOT %(open)s OR lifted_at IS NULL)
ORDER BY id DESC
LIMIT %(limit)s

-- name: subjects_known
-- Reads for each subject of a JSON array of pairs [scope, subject] its place, from 1, and whether it has an image.
CALL subjects_known(%(subjects)s)

-- name: subjects_images
-- Counts the images of each subject of a JSON array of pairs [scope, subject], by its place, from 1.
CALL subjects_images(%(subjects)s)

-- name: copies_of_content
-- Reads code, owner and URL of each copy of a content.
CALL copies_of_content(%(content)s)

-- name: contents_of_names
-- Reads the content of each name of a JSON array of hashes in hex, by its place, from 1.
SELECT place, content_of_name(name) AS content
FROM JSON_TABLE(%(names)s, '$[*]' COLUMNS (place FOR ORDINALITY, name VARCHAR(64) PATH '$')) AS asked
ORDER BY place

-- name: digest_of_code
-- Reads the content of a code's original; NULL: there is no image with this code, or none with an original.
SELECT digest_of_code(%(code)s) AS digest

-- name: public_urls
-- Reads name, public URL and CA file of each enabled edge, those without a problem first.
CALL public_urls()

-- name: hiding_bans
-- Reads the open bans by owner and by digest that hide the images with the codes of a JSON array.
CALL hiding_bans(%(codes)s)

-- name: acknowledgements
-- Reads how far the rows of a ban, of a subject or (NULL for each) of the whole outbox have come, up to the id
-- %(upto)s; then the batch that each enabled edge has acknowledged.
CALL acknowledgements(%(ban)s, %(scope)s, %(subject)s, %(upto)s)

-- name: delivery_state
-- Counts the purgers that signed within %(alive)s seconds and the enabled edges, and reads the largest id in the
-- outbox.
CALL delivery(%(alive)s)
