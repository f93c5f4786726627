"""Options and arguments that several commands share. Imports no command."""
