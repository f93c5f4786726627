-- What is recorded of some images: their rows and those of their renditions, for an import to compare with.
SELECT images.code, images.owner, images.stable_until, renditions.name, renditions.digest, renditions.size
FROM images LEFT JOIN renditions ON renditions.code = images.code
WHERE images.code IN ({codes})
