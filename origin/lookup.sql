-- All that one request needs to know of one image, in one statement and so in one snapshot. One row, whatever the image;
-- none only where numbering has lost its own.
--
-- Every comparison is with a parameter or between columns of the same collation (ascii_bin), so that each part is a look
-- into an index. EXISTS over lifted_at IS NULL and never a comparison with the time: nothing fires when time passes.
-- seen is the last batch whose changes this snapshot holds: what was committed before that batch got its number is here.
-- changed is the batch of the latest change, of the image or of its owner; one that is pending has none yet.
-- read_only is a number in MySQL and before MariaDB 12.0, and a word since: OFF, ON, NO_LOCK or NO_LOCK_NO_ADMIN.
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
    CAST(GREATEST(COALESCE(image_change.batch, 0), COALESCE(owner_change.batch, 0)) AS UNSIGNED) AS changed
FROM numbering
LEFT JOIN images ON images.code = %(code)s
LEFT JOIN renditions ON renditions.code = images.code AND renditions.name = %(rendition)s
LEFT JOIN changes AS image_change ON image_change.scope = 'image' AND image_change.subject = %(code)s
LEFT JOIN changes AS owner_change ON owner_change.scope = 'owner' AND owner_change.subject = images.owner
WHERE numbering.one = 1
