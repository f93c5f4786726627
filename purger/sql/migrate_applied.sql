SELECT version FROM schema_versions
