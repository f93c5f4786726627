-- Rows that no CHECK let in and that the origin must not be asked to serve: table and code of each.
SELECT 'images', code
FROM images
WHERE LENGTH(code) NOT BETWEEN 1 AND 64 OR code REGEXP '[^A-Za-z0-9_-]'
    OR LENGTH(owner) NOT BETWEEN 1 AND 64 OR owner REGEXP '[^A-Za-z0-9_-]'
UNION ALL
SELECT 'renditions', code
FROM renditions
WHERE LENGTH(code) NOT BETWEEN 1 AND 64 OR code REGEXP '[^A-Za-z0-9_-]'
    OR LENGTH(name) NOT BETWEEN 1 AND 32 OR name REGEXP '[^a-z0-9_-]'
    OR LENGTH(content_type) > 64 OR content_type NOT LIKE 'image/_%%' OR content_type REGEXP '[^a-z0-9/+.-]'
    OR LENGTH(digest) <> 64 OR digest REGEXP '[^0-9a-f]'
LIMIT 1000
