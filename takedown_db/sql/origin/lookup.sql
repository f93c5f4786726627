-- Statements by which the origin looks up one image for a request, and records what a site's own server shows.

-- name: look_up_image
-- Reads all that one request needs of one image, in one statement and so in one snapshot. One row, whatever the image,
-- or up to three that differ in changed_at and changed: one for each of image, owner and content that has changed. None
-- only where the table numbering is empty.
--
-- Every comparison is with a parameter or between columns of the same collation (ascii_bin), so that each table is one
-- access to an index. The server reads numbering, images and renditions first, by their primary keys. With the values
-- found there it looks into bans, invalidations and changes, at one place of an index for each subject. IN costs less
-- than a part of the statement for each subject, by a fifth of the whole; OR would cost ten times as much on MySQL.
--
-- banned and pending are 1, or NULL for none: an EXISTS takes the server a tenth more. The origin prepares the statement
-- once for each connection, which halves its cost.
--
-- A ban stands while lifted_at IS NULL, and is never compared with the time: no purge is sent when time passes. seen is
-- the last batch whose changes this snapshot holds: all that was committed before that batch got its number. read_only
-- is a number in MySQL and before MariaDB 12.0, and a word since: OFF, ON, NO_LOCK or NO_LOCK_NO_ADMIN. changed is the
-- batch of a change that has one; a pending change does not, and NULL stands for no change. original is the content of
-- the original, by which bans by content find the image (content_routines.sql).
-- The columns stand in the order of `Found` (origin/model.py): a new one goes to the end, with a default there.
SELECT
    renditions.content_type,
    renditions.size,
    renditions.digest,
    images.owner,
    images.stable_until,
    (
        SELECT 1
        FROM bans FORCE INDEX (subject)
        WHERE (scope, subject) IN (('image', %(code)s), ('owner', images.owner), ('digest', original.content))
            AND lifted_at IS NULL
        LIMIT 1
    ) AS banned,
    (
        SELECT 1
        FROM invalidations FORCE INDEX (subject)
        WHERE (scope, subject) IN (('image', %(code)s), ('owner', images.owner), ('digest', original.content))
            AND batch IS NULL
        LIMIT 1
    ) AS pending,
    changes.changed_at,
    UTC_TIMESTAMP(6) AS read_at,
    numbering.last_batch AS seen,
    CAST(@@GLOBAL.read_only AS CHAR) NOT IN ('0', 'OFF') AS read_only,
    changes.batch AS changed,
    original.content AS original,
    renditions.path
FROM numbering
LEFT JOIN images ON images.code = %(code)s
LEFT JOIN renditions ON renditions.code = images.code AND renditions.name = %(rendition)s
LEFT JOIN renditions AS original ON original.code = images.code AND original.name = 'original'
LEFT JOIN changes FORCE INDEX (PRIMARY) ON
    (changes.scope, changes.subject) IN (('image', %(code)s), ('owner', images.owner), ('digest', original.content))
WHERE numbering.one = 1

-- name: look_up_site_url
-- Reads what look_up_image does, without a rendition, and what the origin has recorded of a URL of a site's own server,
-- in one snapshot: as many rows as there. banned and pending are also 1 for any content that it has recorded for the
-- image's code. A code has few URLs, 1,000 at most (record_site_url): each costs a look into two indexes. The columns
-- stand in the order of `Found` from `owner` to `original`; those of `FoundContent` follow.
SELECT
    images.owner,
    images.stable_until,
    COALESCE(
        (
            SELECT 1
            FROM bans FORCE INDEX (subject)
            WHERE (scope, subject) IN (('image', %(code)s), ('owner', images.owner), ('digest', original.content))
                AND lifted_at IS NULL
            LIMIT 1
        ),
        (
            SELECT 1
            FROM site_urls FORCE INDEX (code) STRAIGHT_JOIN bans FORCE INDEX (subject)
                ON bans.scope = 'digest' AND bans.subject = site_urls.content AND bans.lifted_at IS NULL
            WHERE site_urls.code = %(code)s
            LIMIT 1
        )
    ) AS banned,
    COALESCE(
        (
            SELECT 1
            FROM invalidations FORCE INDEX (subject)
            WHERE (scope, subject) IN (('image', %(code)s), ('owner', images.owner), ('digest', original.content))
                AND batch IS NULL
            LIMIT 1
        ),
        (
            SELECT 1
            FROM site_urls FORCE INDEX (code) STRAIGHT_JOIN invalidations FORCE INDEX (subject)
                ON invalidations.scope = 'digest' AND invalidations.subject = site_urls.content
                    AND invalidations.batch IS NULL
            WHERE site_urls.code = %(code)s
            LIMIT 1
        )
    ) AS pending,
    changes.changed_at,
    UTC_TIMESTAMP(6) AS read_at,
    numbering.last_batch AS seen,
    CAST(@@GLOBAL.read_only AS CHAR) NOT IN ('0', 'OFF') AS read_only,
    changes.batch AS changed,
    original.content AS original,
    url.digest,
    url.length,
    url.etag,
    url.last_modified,
    url.content
FROM numbering
LEFT JOIN images ON images.code = %(code)s
LEFT JOIN renditions AS original ON original.code = images.code AND original.name = 'original'
LEFT JOIN site_urls AS url ON url.id = %(url)s AND url.code = %(code)s
LEFT JOIN changes FORCE INDEX (PRIMARY) ON
    (changes.scope, changes.subject) IN (('image', %(code)s), ('owner', images.owner), ('digest', original.content))
WHERE numbering.one = 1

-- name: record_site_url
-- Records what was read from a site's own server. The caller writes the values into it, quoted.
CALL record_site_url(
    %(id)s, %(code)s, %(host)s, %(url)s, %(digest)s, %(length)s, %(etag)s, %(last_modified)s, %(names)s, %(before)s
)

-- name: skip_index_dives
-- Lets the server trust its statistics of an index for two and more values, where it would look each of them up to
-- estimate its rows. All indexes of look_up_image are forced, so that nothing is to be chosen: it saves a tenth of it.
SET SESSION eq_range_index_dive_limit = 1
