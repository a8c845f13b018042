-- name: known
-- Every day that has a table, and whether it is part of history; a day taken out waits to be dropped.
SELECT c.relname, c.relispartition FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'ductape' AND c.relkind = 'r' AND c.relname ~ '^history_(completed|failed)_[0-9]{8}$'

-- name: begin
SAVEPOINT day

-- name: undo
ROLLBACK TO SAVEPOINT day

-- name: patience
-- Whoever must wait for a lock makes others wait behind: give up early, and come back later.
SET LOCAL lock_timeout = '100ms'; SET LOCAL statement_timeout = '2s'

-- name: strays
-- How many runs of a day are in the rest, counted no further than `most`.
SELECT count(*) FROM (
    SELECT FROM ductape.{rest} WHERE completed_at >= {from} AND completed_at < {until} LIMIT %(most)s) AS stray

-- name: make
LOCK TABLE ductape.{rest} IN ACCESS EXCLUSIVE MODE;
CREATE TABLE ductape.{day} (LIKE ductape.{share} INCLUDING ALL);
WITH stray AS (
    DELETE FROM ductape.{rest} WHERE completed_at >= {from} AND completed_at < {until} RETURNING *)
INSERT INTO ductape.{day} SELECT * FROM stray;
ALTER TABLE ductape.{share} ATTACH PARTITION ductape.{day} FOR VALUES FROM ({from}) TO ({until})

-- name: detach
ALTER TABLE ductape.{share} DETACH PARTITION ductape.{day}

-- name: keyed
-- The next runs of a day that is no part of history any more, and whether their jobs have a key.
SELECT job_id, number, job_key IS NOT NULL FROM ductape.{day}
WHERE (job_id, number) > (%(after)s, %(after_number)s::integer) ORDER BY job_id, number LIMIT %(most)s

-- name: drop
DROP TABLE IF EXISTS ductape.{day}
