"""The moderation database: schema, statements, connections and errors, for origin and purger alike."""
