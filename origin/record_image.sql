-- One image, new or changed. An image that another owner has stays as it is: a ban of that owner has to go on hiding it.
INSERT INTO images (code, owner, stable_until) VALUES (%(code)s, %(owner)s, %(stable_until)s)
ON DUPLICATE KEY UPDATE
    stable_until = IF(owner = VALUES(owner), VALUES(stable_until), stable_until),
    imported_at = IF(owner = VALUES(owner), UTC_TIMESTAMP(3), imported_at)
