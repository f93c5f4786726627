SELECT VERSION(), @@GLOBAL.log_bin, @@SESSION.binlog_format
