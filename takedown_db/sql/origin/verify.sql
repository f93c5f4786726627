-- Statements of `origin verify`, which compares the files of renditions with their rows, and names originals.

-- name: renditions_page
-- Reads some renditions behind a code and a name, in the order of the primary key: code, name, digest, size, path.
SELECT code, name, digest, size, path
FROM renditions FORCE INDEX (PRIMARY)
WHERE code > %(code)s OR (code = %(code)s AND name > %(name)s)
ORDER BY code, name
LIMIT 1000

-- name: renditions_sample
-- Reads some renditions at random. It scans the table once.
SELECT code, name, digest, size, path FROM renditions ORDER BY RAND() LIMIT %(size)s

-- name: count_renditions
-- Counts the renditions.
SELECT COUNT(*) AS number FROM renditions

-- name: rendition_still
-- Reads whether a rendition's row is still the one that was read.
SELECT COUNT(*) AS number
FROM renditions
WHERE code = %(code)s AND name = %(name)s AND digest = %(digest)s AND size = %(size)s AND path <=> %(path)s

-- name: nameless_page
-- Reads some originals that are not known by all their names, behind a code, as renditions_page does.
SELECT code, name, digest, size, path
FROM renditions FORCE INDEX (named)
WHERE named = FALSE AND name = 'original' AND code > %(code)s
ORDER BY code
LIMIT 1000

-- name: count_nameless
-- Counts the originals that are not known by all their names.
SELECT COUNT(*) AS number FROM renditions FORCE INDEX (named) WHERE named = FALSE AND name = 'original'
