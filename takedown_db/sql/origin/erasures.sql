-- Statements of `origin erase`, and those that tell erased files from lost ones.

-- name: original_of
-- Reads the digest of an image's original.
SELECT digest FROM renditions WHERE code = %(code)s AND name = 'original'

-- name: originals_named
-- Reads the digests of all originals with the content that a name leads to. An original without names has its digest only.
SELECT DISTINCT renditions.digest
FROM content_names STRAIGHT_JOIN renditions FORCE INDEX (content)
    ON renditions.content = content_names.content AND renditions.name = 'original'
WHERE content_names.name = UNHEX(%(name)s)
ORDER BY renditions.digest

-- name: standing_digest_ban
-- Reads the oldest open ban of the content of an original with a digest. It has to stand for as long as an erasure
-- goes on.
SELECT MIN(id) AS ban
FROM bans
WHERE scope = 'digest' AND lifted_at IS NULL AND subject IN (
    SELECT content FROM renditions WHERE digest = %(digest)s AND name = 'original'
    UNION ALL
    SELECT content FROM content_names WHERE name = UNHEX(%(digest)s)
    UNION ALL
    SELECT CONVERT(%(digest)s USING ascii) COLLATE ascii_bin
)

-- name: images_of_digest
-- Counts the images that have a digest as their original.
SELECT COUNT(*) AS images FROM renditions WHERE digest = %(digest)s AND name = 'original'

-- name: files_of_digest
-- Reads the files of all images that have a digest as their original, each once: digest; path; shared_by, the code of
-- another image that has the file and is not banned by content (NULL: there is none); and named, whether a row of an image
-- with this original names this very place. Places that no row names are read too: the own store may have a copy of a file
-- in place, from an earlier import, or the original of an image that was replaced. Each row that has one of the digests is
-- read once, however many copies there are.
SELECT places.digest, places.path, MIN(places.shared_by) AS shared_by, MAX(places.named) AS named
FROM (
    SELECT sharing.digest, sharing.path, CASE WHEN NOT EXISTS (
            SELECT 1
            FROM bans
            WHERE bans.scope = 'digest' AND bans.subject = their_original.content AND bans.lifted_at IS NULL
        ) THEN sharing.code END AS shared_by,
        their_original.digest <=> %(digest)s AS named
    FROM (
        SELECT DISTINCT renditions.digest
        FROM renditions AS originals FORCE INDEX (digest)
        STRAIGHT_JOIN renditions ON renditions.code = originals.code
        WHERE originals.digest = %(digest)s AND originals.name = 'original'
    ) AS digests
    STRAIGHT_JOIN renditions AS sharing FORCE INDEX (digest) ON sharing.digest = digests.digest
    LEFT JOIN renditions AS their_original
        ON their_original.code = sharing.code AND their_original.name = 'original'
    UNION ALL
    SELECT renditions.digest, NULL, NULL, 0
    FROM renditions AS originals FORCE INDEX (digest)
    STRAIGHT_JOIN renditions ON renditions.code = originals.code
    WHERE originals.digest = %(digest)s AND originals.name = 'original'
    UNION ALL
    SELECT CONVERT(%(digest)s USING ascii) COLLATE ascii_bin, NULL, NULL, 0
) AS places
GROUP BY places.digest, places.path
HAVING named = 1 OR places.path IS NULL
ORDER BY places.digest, places.path

-- name: image_sharing_file
-- Reads the code of an image that has a file of the own store and is not banned by content; NULL: there is none now. An
-- import may have recorded one since files_of_digest was read.
SELECT MIN(sharing.code) AS shared_by
FROM renditions AS sharing FORCE INDEX (digest)
LEFT JOIN renditions AS their_original
    ON their_original.code = sharing.code AND their_original.name = 'original'
WHERE sharing.digest = %(digest)s AND sharing.path IS NULL AND NOT EXISTS (
    SELECT 1
    FROM bans
    WHERE bans.scope = 'digest' AND bans.subject = their_original.content AND bans.lifted_at IS NULL
)

-- name: erasure_interrupted
-- Reads whether the last erasure of an original was cut off: 1 or 0.
SELECT COALESCE(MAX(IF(action = 'begin', id, 0)) > MAX(IF(action = 'done', id, 0)), 0) AS interrupted
FROM erasures
WHERE original = %(digest)s

-- name: record_erasure
-- Writes one step of an erasure. The server adds account and time.
INSERT INTO erasures (action, original, ban_id, digest, path, detail)
VALUES (%(action)s, %(original)s, %(ban_id)s, %(digest)s, %(path)s, %(detail)s)

-- name: was_erased
-- Reads whether a file with this digest was ever erased: 1 or 0. The digest is checked before it is put in.
SELECT EXISTS (SELECT 1 FROM erasures WHERE digest = '%(digest)s' AND action = 'erased') AS erased

-- name: erasure_of_file
-- Reads when a file was last erased: NULL where it never was. path is NULL for one of the own store.
SELECT MAX(written_at) AS erased_at
FROM erasures
WHERE digest = %(digest)s AND path <=> %(path)s AND action = 'erased'
