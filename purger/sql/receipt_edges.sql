SELECT edge FROM receipts UNION SELECT edge FROM sightings
