-- All that an operator asks about one code, one row for each rendition (one without any where there is none).
SELECT
    images.owner,
    images.stable_until,
    images.imported_at,
    image_change.changed_at AS image_changed_at,
    owner_change.changed_at AS owner_changed_at,
    EXISTS (SELECT 1 FROM invalidations WHERE scope = 'image' AND subject = %(code)s AND batch IS NULL)
    OR EXISTS (SELECT 1 FROM invalidations WHERE scope = 'owner' AND subject = images.owner AND batch IS NULL)
        AS pending,
    renditions.name,
    renditions.content_type,
    renditions.size,
    renditions.width,
    renditions.height,
    renditions.digest
FROM (SELECT 1 AS one) AS always
LEFT JOIN images ON images.code = %(code)s
LEFT JOIN renditions ON renditions.code = images.code
LEFT JOIN changes AS image_change ON image_change.scope = 'image' AND image_change.subject = %(code)s
LEFT JOIN changes AS owner_change ON owner_change.scope = 'owner' AND owner_change.subject = images.owner
ORDER BY renditions.name
