-- Statements by which `origin import` and `origin ingest` read and record images, renditions and owners.

-- name: recorded_images
-- Reads the rows of some images and of their renditions, for an import to compare with.
SELECT
    images.code,
    images.owner,
    images.stable_until,
    renditions.name,
    renditions.content_type,
    renditions.size,
    renditions.width,
    renditions.height,
    renditions.digest,
    renditions.path,
    renditions.content,
    renditions.named
FROM images LEFT JOIN renditions ON renditions.code = images.code
WHERE images.code IN ({codes})

-- name: banned_owners
-- Reads which of some owners are banned: moving an image away from them ends what that ban does to it.
SELECT DISTINCT subject FROM bans WHERE scope = 'owner' AND subject IN ({owners}) AND lifted_at IS NULL

-- name: bans_of_upload
-- Reads the open bans that would hide an image with an original of one of these names, this code and this owner:
-- uploads of it are refused. A name may be empty.
SELECT bans.id
FROM content_names STRAIGHT_JOIN bans FORCE INDEX (subject)
    ON bans.scope = 'digest' AND bans.subject = content_names.content AND bans.lifted_at IS NULL
WHERE content_names.name IN (
    UNHEX(%(canonical)s), UNHEX(%(sha256)s), UNHEX(RPAD(%(sha1)s, 64, '0')), UNHEX(RPAD(%(md5)s, 64, '0'))
)
UNION
SELECT id
FROM bans FORCE INDEX (subject)
WHERE scope = 'digest' AND lifted_at IS NULL
    AND subject IN (%(canonical)s, %(sha256)s, RPAD(%(sha1)s, 64, '0'), RPAD(%(md5)s, 64, '0'))
UNION
SELECT id FROM bans WHERE scope = 'image' AND subject = %(code)s AND lifted_at IS NULL
UNION
SELECT id FROM bans WHERE scope = 'owner' AND subject = %(owner)s AND lifted_at IS NULL
ORDER BY id

-- name: owners_for_update
-- Reads the owners of some images that this transaction has written, and so locked. A read without a lock could return
-- older rows: those of the transaction's first read, which a trigger may have made.
SELECT code, owner FROM images WHERE code IN ({codes}) LOCK IN SHARE MODE

-- name: record_image
-- Writes one image, new or changed. An image of another owner stays as it is: a ban of that owner has to go on hiding
-- it.
INSERT INTO images (code, owner, stable_until) VALUES (%(code)s, %(owner)s, %(stable_until)s)
ON DUPLICATE KEY UPDATE
    stable_until = IF(owner = VALUES(owner), VALUES(stable_until), stable_until),
    imported_at = IF(owner = VALUES(owner), UTC_TIMESTAMP(3), imported_at)

-- name: move_image
-- Writes one image, new or changed, and takes it over from another owner.
INSERT INTO images (code, owner, stable_until) VALUES (%(code)s, %(owner)s, %(stable_until)s)
ON DUPLICATE KEY UPDATE
    owner = VALUES(owner),
    stable_until = VALUES(stable_until),
    imported_at = UTC_TIMESTAMP(3)

-- name: record_rendition
-- Writes one rendition, new or replaced. Size in bytes, width and height in pixels. path is that of a file in place, and
-- NULL where the own store has the file.
INSERT INTO renditions (code, name, content_type, size, width, height, digest, path, content, named)
VALUES (
    %(code)s, %(name)s, %(content_type)s, %(size)s, %(width)s, %(height)s, %(digest)s, %(path)s, %(content)s, %(named)s
)
ON DUPLICATE KEY UPDATE
    content_type = VALUES(content_type),
    size = VALUES(size),
    width = VALUES(width),
    height = VALUES(height),
    digest = VALUES(digest),
    path = VALUES(path),
    content = VALUES(content),
    named = VALUES(named)

-- name: delete_rendition
-- Deletes one rendition, by its primary key: it shows the former original of an image that was replaced.
DELETE FROM renditions WHERE code = %(code)s AND name = %(name)s

-- name: record_contents
-- Records the names of some files, and reads the content of each. It commits.
CALL record_contents(%(files)s)
