-- name: make
CREATE SCHEMA IF NOT EXISTS ductape;
CREATE TABLE IF NOT EXISTS ductape.migrations (
    number   integer PRIMARY KEY,
    name     text    NOT NULL,
    checksum text    NOT NULL,
    oldest   integer NOT NULL  -- a program must know at least this one to work on what came of it
)

-- name: lock
LOCK TABLE ductape.migrations IN ACCESS EXCLUSIVE MODE

-- name: applied
SELECT number, checksum, oldest FROM ductape.migrations ORDER BY number

-- name: note
INSERT INTO ductape.migrations (number, name, checksum, oldest)
VALUES (%(number)s, %(name)s, %(checksum)s, %(oldest)s)

-- name: newest
SELECT max(number), max(oldest) FROM ductape.migrations
