-- name: dead
-- How many dead rows the server's statistics have counted, of all sessions; up to a second behind.
SELECT pg_catalog.pg_stat_get_dead_tuples('ductape.runs'::regclass)

-- name: vacuum
-- Waits for nobody, shuts nobody out, and starts no processes of its own.
VACUUM (SKIP_LOCKED, TRUNCATE OFF, INDEX_CLEANUP ON, PARALLEL 0) ductape.runs

-- name: hold_pruning
-- A row of its own: whoever takes the duty waits for nobody.
INSERT INTO ductape.duties (duty, worker, lease_until) VALUES ('pruning', '', 0)
ON CONFLICT (duty) DO UPDATE SET lease_until = 0
