CALL standing_triggers_v1()
