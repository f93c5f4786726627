-- Keeps the later rebounds from sending again all that version 0.1 has delivered.
UPDATE edges SET rebounded_later = GREATEST(rebounded_later, acknowledged), rebounded_last = GREATEST(rebounded_last, acknowledged);
