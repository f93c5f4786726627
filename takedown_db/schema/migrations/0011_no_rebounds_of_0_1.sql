-- Records all that version 0.1 has delivered as sent again, so that the later rebounds (0010) leave it out.
UPDATE edges SET rebounded_later = GREATEST(rebounded_later, acknowledged), rebounded_last = GREATEST(rebounded_last, acknowledged);
