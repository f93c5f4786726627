-- One image, new or changed, whoever had it before.
INSERT INTO images (code, owner, stable_until) VALUES (%(code)s, %(owner)s, %(stable_until)s)
ON DUPLICATE KEY UPDATE
    owner = VALUES(owner),
    stable_until = VALUES(stable_until),
    imported_at = UTC_TIMESTAMP(3)
