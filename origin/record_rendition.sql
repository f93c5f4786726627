-- One rendition, new or replaced.
INSERT INTO renditions (code, name, content_type, size, width, height, digest)
VALUES (%(code)s, %(name)s, %(content_type)s, %(size)s, %(width)s, %(height)s, %(digest)s)
ON DUPLICATE KEY UPDATE
    content_type = VALUES(content_type),
    size = VALUES(size),
    width = VALUES(width),
    height = VALUES(height),
    digest = VALUES(digest)
