CALL standing_triggers_v2()
