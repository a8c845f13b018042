-- What `ductape doctor` asks: each statement reads an index, and no more of it than its bound, or what the
-- server counts anyway.

-- name: by_index
-- As `plans.by_index` does it for what is written.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_sort', 'off', true)

-- name: now
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint

-- name: server
SELECT current_setting('server_version'),
    pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on',
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    current_setting('max_connections')::integer

-- name: careless
SELECT name || ' = ' || setting FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name

-- name: groups
-- Of each group that `runs.heads` has found, how many there are.
SELECT asked.queue, asked.needs, found.count, asked.due_at, found.example
FROM unnest(%(queue)s::text[], %(rank)s::integer[], %(flow)s::text[], %(needs)s::text[], %(due_at)s::bigint[])
    AS asked (queue, rank, flow, needs, due_at)
CROSS JOIN LATERAL (
    SELECT count(*) AS count, min(job_id) AS example FROM (
        SELECT job_id FROM ductape.runs
        WHERE state = 'queued' AND losses = 0 AND runs.queue = asked.queue AND runs.rank = asked.rank
            AND runs.flow = asked.flow AND runs.needs = asked.needs
        LIMIT %(most)s) AS looked_at) AS found

-- name: suspects
SELECT found.queue, found.needs, count(*), min(found.due_at), min(found.job_id) FROM (
    SELECT queue, needs, due_at, job_id FROM ductape.runs
    WHERE state = 'queued' AND losses > 0 ORDER BY queue, rank, due_at LIMIT %(most)s) AS found
GROUP BY found.queue, found.needs

-- name: overdue
-- Due, and not yet promoted: where no worker is live nobody does it.
SELECT found.queue, found.needs, count(*), min(found.due_at), min(found.job_id) FROM (
    SELECT queue, needs, due_at, job_id FROM ductape.runs
    WHERE state = 'scheduled' AND due_at <= %(now)s ORDER BY due_at LIMIT %(most)s) AS found
GROUP BY found.queue, found.needs

-- name: paused
SELECT name FROM ductape.queues WHERE paused

-- name: quarantined
SELECT job_id, event, fault FROM ductape.schedules
WHERE fault IS NOT NULL AND state IN ('active', 'paused') ORDER BY job_id LIMIT %(most)s

-- name: tables
-- A partitioned table is one line, with all that its partitions hold.
SELECT (coalesce(pg_partition_root(c.oid), c.oid))::regclass::text, sum(pg_total_relation_size(c.oid))::bigint,
    sum(coalesce(s.n_live_tup, 0))::bigint, sum(coalesce(s.n_dead_tup, 0))::bigint
FROM pg_class AS c LEFT JOIN pg_stat_user_tables AS s ON s.relid = c.oid
WHERE c.relkind = 'r' AND c.relnamespace = 'ductape'::regnamespace
GROUP BY 1 ORDER BY 2 DESC, 1
