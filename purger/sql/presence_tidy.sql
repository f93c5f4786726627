-- Purgers that were killed leave their row behind.
DELETE FROM purgers WHERE seen_at < UTC_TIMESTAMP(3) - INTERVAL 1 DAY
