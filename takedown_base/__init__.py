"""What both programs share and what is not about a database: options, logs, names. Imports nothing of ours."""
