-- Error 1205 says that another transaction holds the counter, and with it all numbering.
SELECT last_batch FROM numbering WHERE one = 1 LOCK IN SHARE MODE
