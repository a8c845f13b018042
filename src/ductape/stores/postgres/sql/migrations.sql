-- name: make
CREATE SCHEMA IF NOT EXISTS ductape;
CREATE TABLE IF NOT EXISTS ductape.migrations (
    number   integer PRIMARY KEY,
    name     text    NOT NULL,
    checksum text    NOT NULL
)

-- name: lock
LOCK TABLE ductape.migrations IN ACCESS EXCLUSIVE MODE

-- name: applied
SELECT number, checksum FROM ductape.migrations ORDER BY number

-- name: note
INSERT INTO ductape.migrations (number, name, checksum) VALUES (%(number)s, %(name)s, %(checksum)s)
