-- Counts the signed states so far, and removes their times: the leaves before each tell when it was signed.
UPDATE log_state SET checkpoints = (SELECT COUNT(*) FROM log_checkpoints);
ALTER TABLE log_checkpoints DROP COLUMN signed_at;
