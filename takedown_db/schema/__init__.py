"""The schema of the moderation database: tables, triggers, routines and accounts, and the migration to them."""
