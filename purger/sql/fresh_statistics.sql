-- MySQL shows the next ids of tables as they were up to a day ago, unless a session asks otherwise. MariaDB, which has no
-- such setting, takes the second assignment for a comment.
SET @takedown_fresh = 1 /*!80000 , SESSION information_schema_stats_expiry = 0 */
