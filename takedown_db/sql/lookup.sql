-- Statements by which the origin looks up one image for a request, and `origin show` for an operator.

-- name: look_up_image
-- Reads all that one request needs of one image, in one statement and so in one snapshot. Always one row, whatever the
-- image; none only where the table numbering is empty.
--
-- Every comparison is with a parameter or between columns of the same collation (ascii_bin), so that each part is one
-- access to an index. A ban stands while lifted_at IS NULL, and is never compared with the time: no purge is sent when
-- time passes. seen is the last batch whose changes this snapshot holds: all that was committed before that batch got
-- its number. read_only is a number in MySQL and before MariaDB 12.0, and a word since: OFF, ON, NO_LOCK or
-- NO_LOCK_NO_ADMIN. changed is the batch of the latest change of the image or its owner that has one; a pending change
-- does not.
-- The columns stand in the order of `Found` (origin/model.py): a new one goes to the end, with a default there.
SELECT
    renditions.content_type,
    renditions.size,
    renditions.digest,
    images.owner,
    images.stable_until,
    EXISTS (SELECT 1 FROM bans WHERE scope = 'image' AND subject = %(code)s AND lifted_at IS NULL)
    OR EXISTS (SELECT 1 FROM bans WHERE scope = 'owner' AND subject = images.owner AND lifted_at IS NULL) AS banned,
    EXISTS (SELECT 1 FROM invalidations WHERE scope = 'image' AND subject = %(code)s AND batch IS NULL)
    OR EXISTS (SELECT 1 FROM invalidations WHERE scope = 'owner' AND subject = images.owner AND batch IS NULL)
        AS pending,
    GREATEST(
        COALESCE(image_change.changed_at, owner_change.changed_at),
        COALESCE(owner_change.changed_at, image_change.changed_at)
    ) AS changed_at,
    UTC_TIMESTAMP(6) AS read_at,
    numbering.last_batch AS seen,
    CAST(@@GLOBAL.read_only AS CHAR) NOT IN ('0', 'OFF') AS read_only,
    CAST(GREATEST(COALESCE(image_change.batch, 0), COALESCE(owner_change.batch, 0)) AS UNSIGNED) AS changed,
    renditions.path
FROM numbering
LEFT JOIN images ON images.code = %(code)s
LEFT JOIN renditions ON renditions.code = images.code AND renditions.name = %(rendition)s
LEFT JOIN changes AS image_change ON image_change.scope = 'image' AND image_change.subject = %(code)s
LEFT JOIN changes AS owner_change ON owner_change.scope = 'owner' AND owner_change.subject = images.owner
WHERE numbering.one = 1

-- name: show_image
-- Reads what `origin show` tells of one code: a row for each rendition, and one row with NULLs where there is none.
SELECT
    images.owner,
    images.stable_until,
    images.imported_at,
    image_change.changed_at AS image_changed_at,
    owner_change.changed_at AS owner_changed_at,
    EXISTS (SELECT 1 FROM invalidations WHERE scope = 'image' AND subject = %(code)s AND batch IS NULL)
    OR EXISTS (SELECT 1 FROM invalidations WHERE scope = 'owner' AND subject = images.owner AND batch IS NULL)
        AS pending,
    renditions.name,
    renditions.content_type,
    renditions.size,
    renditions.width,
    renditions.height,
    renditions.digest
FROM (SELECT 1 AS one) AS always
LEFT JOIN images ON images.code = %(code)s
LEFT JOIN renditions ON renditions.code = images.code
LEFT JOIN changes AS image_change ON image_change.scope = 'image' AND image_change.subject = %(code)s
LEFT JOIN changes AS owner_change ON owner_change.scope = 'owner' AND owner_change.subject = images.owner
ORDER BY renditions.name

-- name: show_bans
-- Reads the open bans that hide a code: its own and, where there is an image, those of its owner. The account that
-- serves may not read who banned it and why.
SELECT id, scope, subject, banned_at
FROM bans
WHERE scope = 'image' AND subject = %(code)s AND lifted_at IS NULL
UNION ALL
SELECT bans.id, bans.scope, bans.subject, bans.banned_at
FROM images STRAIGHT_JOIN bans ON bans.scope = 'owner' AND bans.subject = images.owner AND bans.lifted_at IS NULL
WHERE images.code = %(code)s
ORDER BY id
