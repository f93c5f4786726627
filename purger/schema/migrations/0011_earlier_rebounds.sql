-- What version 0.1 has delivered is not sent again by the later rebounds.
UPDATE edges SET rebounded_later = GREATEST(rebounded_later, acknowledged), rebounded_last = GREATEST(rebounded_last, acknowledged);
