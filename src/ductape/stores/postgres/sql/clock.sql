-- name: now
-- Microseconds since the epoch, read when the statement is run, not when its transaction began.
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
