-- name: holders
-- Who holds what a caller of ours would wait for, our own short locks aside.
SELECT DISTINCT ON (a.pid) a.pid, coalesce(a.usename, '')::text, coalesce(a.application_name, ''),
    c.relname::text, (extract(epoch FROM a.xact_start) * 1000)::bigint
FROM pg_locks AS l
    JOIN pg_class AS c ON c.oid = l.relation AND c.relnamespace = 'ductape'::regnamespace
    JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.granted AND l.pid <> pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
ORDER BY a.pid, c.relname
