"""The receipts of takedowns: read, judged, and written for people."""
