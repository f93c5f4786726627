-- Statements for probes and audits: banned images to request, and whether their bans still stand.

-- name: bans_to_probe
-- Reads the newest standing bans in the batches after %(after)s up to %(last)s that are not proven gone at an edge yet.
-- %(hours)s: only those that were numbered within so many hours; NULL: all. Of a bulk of lifted bans it searches the newest
-- 20,000 rows only.
SELECT event.id, event.batch, event.scope, event.subject, event.cause
FROM (
    SELECT id, batch, scope, subject, cause, ban_id
    FROM invalidations FORCE INDEX (batch)
    WHERE batch > %(after)s AND batch <= %(last)s
    ORDER BY batch DESC, id DESC
    LIMIT 20000
) AS event
JOIN batches ON batches.batch = event.batch
JOIN bans
    ON bans.id = event.ban_id AND bans.scope = event.scope AND bans.subject = event.subject AND bans.lifted_at IS NULL
LEFT JOIN sightings ON sightings.edge = %(edge)s AND sightings.invalidation = event.id AND sightings.code = ''
WHERE event.cause = 'ban' AND COALESCE(sightings.gone, FALSE) = FALSE
    AND (%(hours)s IS NULL OR batches.numbered_at > TIMESTAMPADD(HOUR, -%(hours)s, UTC_TIMESTAMP(6)))
ORDER BY event.batch DESC, event.id DESC
LIMIT %(limit)s

-- name: ban_stands
-- Reads whether the ban behind a row of the outbox still stands (for a resend, which has no ban: whether the code is
-- banned at all), and whether a later row could have shown the code at an edge legitimately in between. For a digest
-- every later change of the image's renditions could: the row does not tell whether the original was another one.
SELECT
    CASE
        WHEN event.ban_id IS NOT NULL THEN EXISTS (
            SELECT 1
            FROM bans
            WHERE id = event.ban_id AND scope = event.scope AND subject = event.subject AND lifted_at IS NULL
        )
        ELSE EXISTS (SELECT 1 FROM bans WHERE scope = 'image' AND subject = %(code)s AND lifted_at IS NULL)
            OR EXISTS (
                SELECT 1
                FROM images JOIN bans ON bans.scope = 'owner' AND bans.subject = images.owner AND bans.lifted_at IS NULL
                WHERE images.code = %(code)s
            )
            OR EXISTS (
                SELECT 1
                FROM renditions AS original
                JOIN bans ON bans.scope = 'digest' AND bans.subject = original.content AND bans.lifted_at IS NULL
                WHERE original.code = %(code)s AND original.name = 'original'
            )
            OR EXISTS (
                SELECT 1
                FROM site_urls
                JOIN bans ON bans.scope = 'digest' AND bans.subject = site_urls.content AND bans.lifted_at IS NULL
                WHERE site_urls.code = %(code)s
            )
    END AS stands,
    EXISTS (SELECT 1 FROM invalidations AS later WHERE later.ban_id = event.ban_id AND later.id > event.id)
    OR (event.scope = 'owner' AND NOT EXISTS (SELECT 1 FROM images WHERE code = %(code)s AND owner = event.subject))
    OR (event.scope = 'digest' AND NOT EXISTS (
        SELECT 1 FROM renditions WHERE code = %(code)s AND name = 'original' AND content = event.subject
        UNION ALL
        SELECT 1 FROM site_urls WHERE code = %(code)s AND content = event.subject
    ))
    OR ((event.scope <> 'image' OR event.ban_id IS NULL) AND EXISTS (
        SELECT 1
        FROM invalidations AS later FORCE INDEX (subject)
        WHERE later.scope = 'image' AND later.subject = %(code)s AND later.id > event.id
            AND (
                later.cause = 'image'
                OR (event.scope = 'digest' AND later.cause = 'rendition')
                OR (event.ban_id IS NULL AND later.cause <> 'resend')
            )
    ))
    OR (event.ban_id IS NULL AND EXISTS (
        SELECT 1
        FROM images STRAIGHT_JOIN invalidations AS later FORCE INDEX (subject)
            ON later.scope = 'owner' AND later.subject = images.owner AND later.id > event.id
        WHERE images.code = %(code)s
    ))
    OR (event.ban_id IS NULL AND EXISTS (
        SELECT 1
        FROM renditions AS original STRAIGHT_JOIN invalidations AS later FORCE INDEX (subject)
            ON later.scope = 'digest' AND later.subject = original.content AND later.id > event.id
        WHERE original.code = %(code)s AND original.name = 'original'
    ))
    OR (event.ban_id IS NULL AND EXISTS (
        SELECT 1
        FROM site_urls STRAIGHT_JOIN invalidations AS later FORCE INDEX (subject)
            ON later.scope = 'digest' AND later.subject = site_urls.content AND later.id > event.id
        WHERE site_urls.code = %(code)s
    )) AS overtaken
FROM invalidations AS event
WHERE event.id = %(invalidation)s

-- name: is_banned
-- Reads whether a code is banned: itself, through its owner, or through the digest of its original or of a URL of a site's
-- own server; and whether that hides what was imported, too.
SELECT hidden OR EXISTS (
        SELECT 1
        FROM site_urls
        JOIN bans ON bans.scope = 'digest' AND bans.subject = site_urls.content AND bans.lifted_at IS NULL
        WHERE site_urls.code = %(code)s
    ) AS banned,
    hidden
FROM (
    SELECT
        EXISTS (SELECT 1 FROM bans WHERE scope = 'image' AND subject = %(code)s AND lifted_at IS NULL)
        OR EXISTS (
            SELECT 1
            FROM images JOIN bans ON bans.scope = 'owner' AND bans.subject = images.owner AND bans.lifted_at IS NULL
            WHERE images.code = %(code)s
        )
        OR EXISTS (
            SELECT 1
            FROM renditions AS original
            JOIN bans ON bans.scope = 'digest' AND bans.subject = original.content AND bans.lifted_at IS NULL
            WHERE original.code = %(code)s AND original.name = 'original'
        ) AS hidden
) AS imported

-- name: files_to_probe
-- Reads what edges may show of a code, a row each: name and digest of its renditions; and digest, host, URL and content
-- of up to %(most)s URLs of a site's own server, at random. %(digest)s: only those with this content; NULL: all.
SELECT name, digest, NULL AS host, NULL AS url, content
FROM renditions
WHERE code = %(code)s
UNION ALL
(
    SELECT NULL, digest, host, url, content
    FROM site_urls FORCE INDEX (code)
    WHERE code = %(code)s AND content = COALESCE(%(digest)s, content)
    ORDER BY RAND()
    LIMIT %(most)s
)

-- name: rendition_digests
-- Reads the names and digests (SHA-256 in hex) of a code's renditions.
SELECT name, digest FROM renditions WHERE code = %(code)s

-- name: image_owner
-- Reads the owner of an image.
SELECT owner FROM images WHERE code = %(code)s

-- name: owner_codes
-- Reads a page of an owner's codes after %(after)s, in their order.
SELECT code FROM images WHERE owner = %(subject)s AND code > %(after)s ORDER BY code LIMIT %(limit)s

-- name: digest_codes
-- Reads a page of the codes whose images have this original, or this content at a site's own server, after %(after)s, in
-- their order.
(
    SELECT renditions.code
    FROM renditions FORCE INDEX (content) STRAIGHT_JOIN images ON images.code = renditions.code
    WHERE renditions.content = %(subject)s AND renditions.name = 'original' AND renditions.code > %(after)s
    ORDER BY renditions.code
    LIMIT %(limit)s
)
UNION
(
    SELECT DISTINCT code
    FROM site_urls FORCE INDEX (content)
    WHERE content = %(subject)s AND code > %(after)s
    ORDER BY code
    LIMIT %(limit)s
)
ORDER BY code
LIMIT %(limit)s

-- name: open_bans_page
-- Reads a page of open bans after the id %(after)s, in the order of their ids.
SELECT id, scope, subject FROM bans WHERE id > %(after)s AND lifted_at IS NULL ORDER BY id LIMIT %(limit)s

-- name: ban_id_span
-- Reads the first and the last id of all bans; 0 where there are none. CAST: COALESCE with a constant gives a DECIMAL,
-- and no integer, to the driver.
SELECT
    CAST(COALESCE(MIN(id), 0) AS UNSIGNED) AS first_id,
    CAST(COALESCE(MAX(id), 0) AS UNSIGNED) AS last_id
FROM bans
