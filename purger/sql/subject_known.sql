-- Whether there is any image with this code, or of this owner.
SELECT CASE %(scope)s
    WHEN 'image' THEN EXISTS (SELECT 1 FROM images WHERE code = %(subject)s)
    ELSE EXISTS (SELECT 1 FROM images WHERE owner = %(subject)s)
END
