-- name: save
SAVEPOINT ductape_dispatch

-- name: keep
RELEASE SAVEPOINT ductape_dispatch

-- name: undo
ROLLBACK TO SAVEPOINT ductape_dispatch

-- name: place
-- Which database of which running server this is; any user may ask.
SELECT oid::bigint, extract(epoch FROM pg_postmaster_start_time())::float8, datname
FROM pg_database WHERE datname = current_database()

-- name: tell
-- Heard by everybody at the commit, and by nobody if there is none.
SELECT pg_notify(%(channel)s, %(payload)s)
