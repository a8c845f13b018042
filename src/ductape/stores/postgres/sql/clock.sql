-- name: now
-- Microseconds since the epoch, read when the statement is run, not when its transaction began; and how new
-- the schema is, which may change under whoever works on it.
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    (SELECT max(number) FROM ductape.migrations), (SELECT max(oldest) FROM ductape.migrations)
