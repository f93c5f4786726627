-- The statement about the names of contents (content_routines.sql).

-- name: count_unnamed
-- Counts the originals that are not known by all their names, up to 100,000.
SELECT COUNT(*) AS images
FROM (
    SELECT 1 FROM renditions FORCE INDEX (named) WHERE named = FALSE AND name = 'original' LIMIT 100000
) AS unnamed
