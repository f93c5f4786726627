-- The identity of a batch; of one without a row, such as batch 0, that of the schema. No row: no such batch was given.
SELECT COALESCE(batches.identity, numbering.identity)
FROM numbering
LEFT JOIN batches ON batches.batch = %(batch)s
WHERE numbering.one = 1 AND numbering.last_batch >= %(batch)s
