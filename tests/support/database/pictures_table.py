"""Make a site's own table, and the account that writes it, as in docs/guide/existing-site.md."""

PICTURES_TABLE = """
    CREATE DATABASE site CHARACTER SET utf8mb4;
    CREATE TABLE site.pictures (
        id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        file_path VARCHAR(255) NOT NULL UNIQUE,
        user_id BIGINT UNSIGNED NOT NULL,
        flagged BOOLEAN NOT NULL DEFAULT FALSE
    );
    CREATE USER site@localhost IDENTIFIED BY 'secret';
    GRANT SELECT, INSERT, UPDATE, DELETE ON site.pictures TO site@localhost;
"""
