-- name: insert
-- Nothing where a product has moved on from the version that the job was resolved against.
INSERT INTO ductape.runs ({inserted_columns}) SELECT {inserted_values}
WHERE %(product_version)s::integer IS NULL OR %(product_version)s = (
    SELECT max(version) FROM ductape.products WHERE tag = %(product)s)

-- name: insert_fresh
-- The same for a run that nobody has touched; a row tells that it is stored.
INSERT INTO ductape.runs ({fresh_columns}) SELECT {fresh_values}
WHERE %(product_version)s::integer IS NULL OR %(product_version)s = (
    SELECT max(version) FROM ductape.products WHERE tag = %(product)s)
RETURNING true

-- name: insert_all
INSERT INTO ductape.runs ({inserted_columns}) SELECT * FROM unnest({inserted_arrays})

-- name: copy_fresh
COPY ductape.runs ({fresh_columns}) FROM STDIN (FORMAT BINARY)

-- name: promote
-- Rows that were picked and locked are gone to by their place: no plan can make a scan of it.
UPDATE ductape.runs SET state = 'queued' WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM ductape.runs WHERE state = 'scheduled' AND due_at <= %(now)s
    ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED))

-- name: outlook
-- All that a turn asks before it claims, in one answer: whether the lease, renewed here, still holds, when
-- the next run falls due, whether any queue is limited, whether any run was lost before. Whoever renews the
-- lease at this moment is not waited for: two turns of one worker would wait in a circle, at a gate as well.
WITH mine AS MATERIALIZED (
    SELECT ctid AS place FROM ductape.workers WHERE id = %(id)s AND lease_until >= %(now)s
    FOR UPDATE SKIP LOCKED
), beat AS (
    UPDATE ductape.workers SET lease_until = greatest(lease_until, %(lease_until)s) FROM mine WHERE ctid = place)
SELECT EXISTS (SELECT FROM ductape.workers WHERE id = %(id)s AND lease_until >= %(now)s),
    (SELECT due_at FROM ductape.runs WHERE state = 'scheduled' ORDER BY due_at LIMIT 1),
    EXISTS (SELECT FROM ductape.queues),
    EXISTS (SELECT FROM ductape.runs WHERE state = 'queued' AND losses > 0)

-- name: next_due
SELECT due_at FROM ductape.runs WHERE state = 'scheduled' ORDER BY due_at LIMIT 1

-- name: heads
-- The first run of each group of runs that may start now, by steps from group to group in the index:
-- of so many queues, going round from after one of them, or of those named, the first groups, and those
-- after where the last look at a queue ended.
WITH RECURSIVE queued (queue, round, place) AS (
    SELECT %(after)s::text COLLATE "C", 0, 0 WHERE %(queues)s::text[] IS NULL
    UNION ALL
    SELECT next.queue, next.round, queued.place + 1 FROM queued CROSS JOIN LATERAL (
        (SELECT runs.queue, queued.round AS round FROM ductape.runs
         WHERE state = 'queued' AND losses = 0 AND runs.queue > queued.queue ORDER BY runs.queue LIMIT 1)
        UNION ALL
        (SELECT runs.queue, 1 FROM ductape.runs
         WHERE state = 'queued' AND losses = 0 AND queued.round = 0 ORDER BY runs.queue LIMIT 1)
        LIMIT 1) AS next
    WHERE queued.place < %(most_queues)s AND (next.round = 0 OR next.queue <= %(after)s)
), looked_at (queue) AS (
    SELECT queue FROM queued WHERE place > 0 UNION ALL SELECT unnest(%(queues)s::text[])
), starts (queue, rank, flow, needs, again) AS (
    SELECT queue, -1000, '', '', false FROM looked_at
    UNION ALL SELECT *, true FROM unnest(%(last_queue)s::text[], %(last_rank)s::integer[],
        %(last_flow)s::text[], %(last_needs)s::text[]) AS last (queue, rank, flow, needs)
    WHERE last.queue IN (SELECT queue FROM looked_at)
), walk (queue, rank, flow, needs, due_at, concurrency, again, step) AS (
    SELECT starts.queue, head.*, starts.again, 1 FROM starts CROSS JOIN LATERAL (
        SELECT rank, flow, needs, due_at, concurrency FROM ductape.runs
        WHERE state = 'queued' AND losses = 0 AND runs.queue = starts.queue
            AND (runs.rank, runs.flow, runs.needs) > (starts.rank, starts.flow, starts.needs)
        ORDER BY runs.rank, runs.flow, runs.needs, runs.due_at LIMIT 1) AS head
    UNION ALL
    SELECT walk.queue, head.*, walk.again, walk.step + 1 FROM walk CROSS JOIN LATERAL (
        SELECT rank, flow, needs, due_at, concurrency FROM ductape.runs
        WHERE state = 'queued' AND losses = 0 AND runs.queue = walk.queue
            AND (runs.rank, runs.flow, runs.needs) > (walk.rank, walk.flow, walk.needs)
        ORDER BY runs.rank, runs.flow, runs.needs, runs.due_at LIMIT 1) AS head
    WHERE walk.step < %(most)s)
SELECT queue, rank, flow, needs, due_at, concurrency, again, step FROM walk

-- name: shares
-- Where the runs lie that are the first of each group's share, in order; whoever asks has them locked.
SELECT taken.ctid
FROM unnest(%(queue)s::text[], %(rank)s::integer[], %(flow)s::text[], %(needs)s::text[], %(share)s::integer[])
    AS share (queue, rank, flow, needs, most)
CROSS JOIN LATERAL (
    SELECT ctid FROM ductape.runs
    WHERE state = 'queued' AND losses = 0 AND runs.queue = share.queue AND runs.rank = share.rank
        AND runs.flow = share.flow AND runs.needs = share.needs
    ORDER BY due_at LIMIT share.most FOR UPDATE SKIP LOCKED) AS taken

-- name: claim
-- Of each group its share. The outer UPDATE does not repeat the index's predicate, which would mislead the
-- planner.
UPDATE ductape.runs SET {taken}
WHERE ctid = ANY(ARRAY({shares} LIMIT %(slots)s))
RETURNING {claim_columns}

-- name: claim_as_seen
-- The same, if no group waits but those that were seen before, no run that was lost, no queue is limited
-- and the lease holds.
UPDATE ductape.runs SET {taken}
WHERE ctid = ANY(ARRAY({shares}
    WHERE NOT EXISTS (SELECT FROM ductape.queues)
        AND NOT EXISTS (SELECT FROM ductape.runs WHERE state = 'queued' AND losses > 0)
        AND EXISTS (SELECT FROM ductape.workers WHERE id = %(worker)s AND lease_until >= %(now)s)
        AND NOT EXISTS (
            SELECT FROM ({heads}) AS waiting
            WHERE (waiting.queue, waiting.rank, waiting.flow, waiting.needs) NOT IN (
                SELECT * FROM unnest(%(seen_queue)s::text[], %(seen_rank)s::integer[], %(seen_flow)s::text[],
                    %(seen_needs)s::text[])))
    LIMIT %(slots)s))
RETURNING {claim_columns}

-- name: waits
SELECT EXISTS (SELECT FROM ductape.runs WHERE state = 'queued' AND losses = 0)

-- name: claim_lone
-- The run that waits alone, in a store where no queue is limited, no run was lost and none falls due now:
-- nobody is to be treated fairly then, and nothing has to be looked at first. Not one with a key, a
-- recurrence or without a handler here.
UPDATE ductape.runs SET {taken}
WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM ductape.runs
    WHERE state = 'queued' AND losses = 0 AND concurrency IS NULL AND NOT recurring
        AND (%(queues)s::text[] IS NULL OR queue = ANY(%(queues)s))
        AND (needs = '' OR needs = ANY(%(handlers)s::text[]))
        AND (SELECT count(*) FROM (
            SELECT FROM ductape.runs WHERE state = 'queued' AND losses = 0 LIMIT 2) AS few) = 1
        AND NOT EXISTS (SELECT FROM ductape.runs WHERE state = 'queued' AND losses > 0)
        AND NOT EXISTS (SELECT FROM ductape.runs WHERE state = 'scheduled' AND due_at <= %(until)s)
        AND NOT EXISTS (SELECT FROM ductape.queues)
        AND EXISTS (SELECT FROM ductape.workers WHERE id = %(worker)s AND lease_until >= %(now)s)
    LIMIT 1 FOR UPDATE SKIP LOCKED))
RETURNING {claim_columns}

-- name: claimed
SELECT {claim_columns} FROM ductape.runs
WHERE state = 'running' AND worker = %(worker)s AND updated_at = %(at)s

-- name: suspects
SELECT job_id, number, queue, flow, concurrency FROM ductape.runs
WHERE state = 'queued' AND losses > 0 AND (%(queues)s::text[] IS NULL OR queue = ANY(%(queues)s))
    AND (needs = '' OR needs = ANY(%(handlers)s::text[]))
ORDER BY queue, rank, due_at LIMIT %(most)s

-- name: claim_suspect
UPDATE ductape.runs SET {taken}
WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM ductape.runs
    WHERE state = 'queued' AND losses > 0 AND job_id = %(job_id)s AND number = %(number)s
    FOR UPDATE SKIP LOCKED))
RETURNING {claim_columns}

-- name: block
UPDATE ductape.runs SET state = 'blocked'
WHERE ctid = ANY(ARRAY(
    SELECT aside.ctid
    FROM unnest(%(queue)s::text[], %(rank)s::integer[], %(flow)s::text[], %(needs)s::text[])
        AS full_ones (queue, rank, flow, needs)
    CROSS JOIN LATERAL (
        SELECT ctid FROM ductape.runs
        WHERE state = 'queued' AND losses = 0 AND runs.queue = full_ones.queue AND runs.rank = full_ones.rank
            AND runs.flow = full_ones.flow AND runs.needs = full_ones.needs
        ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED) AS aside))

-- name: block_one
UPDATE ductape.runs SET state = 'blocked'
WHERE job_id = %(job_id)s AND number = %(number)s AND state = 'queued'

-- name: in_gates
SELECT flow, count(*) FROM ductape.runs
WHERE state = 'running' AND concurrency IS NOT NULL AND flow = ANY(%(flows)s) GROUP BY flow

-- name: unblock
-- Of each flow as many as its gate has room for.
UPDATE ductape.runs SET state = 'queued', updated_at = %(now)s
WHERE ctid = ANY(ARRAY(
    SELECT freed.ctid FROM unnest(%(flows)s::text[]) AS gate (flow)
    CROSS JOIN LATERAL (
        SELECT concurrency FROM ductape.runs WHERE state = 'blocked' AND runs.flow = gate.flow
        ORDER BY rank, due_at LIMIT 1) AS first
    CROSS JOIN LATERAL (
        SELECT count(*) AS held FROM ductape.runs
        WHERE state = 'running' AND runs.concurrency IS NOT NULL AND runs.flow = gate.flow) AS within
    CROSS JOIN LATERAL (
        SELECT ctid FROM ductape.runs WHERE state = 'blocked' AND runs.flow = gate.flow
        ORDER BY rank, due_at LIMIT greatest(first.concurrency - within.held, 0)
        FOR UPDATE SKIP LOCKED) AS freed))

-- name: open_gates
-- Flows whose gates have room although runs wait before them.
WITH RECURSIVE waiting (flow) AS (
    (SELECT flow FROM ductape.runs WHERE state = 'blocked' ORDER BY flow LIMIT 1)
    UNION ALL
    SELECT (SELECT runs.flow FROM ductape.runs
            WHERE state = 'blocked' AND runs.flow > waiting.flow ORDER BY runs.flow LIMIT 1)
    FROM waiting WHERE waiting.flow IS NOT NULL)
SELECT flow FROM waiting WHERE flow IS NOT NULL AND
    (SELECT count(*) FROM ductape.runs
     WHERE state = 'running' AND concurrency IS NOT NULL AND runs.flow = waiting.flow) <
    (SELECT concurrency FROM ductape.runs WHERE state = 'blocked' AND runs.flow = waiting.flow
     ORDER BY rank, due_at LIMIT 1)

-- name: running_of_queues
SELECT queue, count(*) FROM ductape.runs WHERE state = 'running' AND queue = ANY(%(queues)s) GROUP BY queue

-- name: counts
SELECT queue, CASE WHEN state = 'scheduled' AND due_at <= %(now)s THEN 'queued' ELSE state END, count(*), min(due_at)
FROM ductape.runs GROUP BY 1, 2

-- name: hold
-- Nobody changes the run until this transaction ends.
SELECT state, stop_reason FROM ductape.runs
WHERE job_id = %(job_id)s AND number = %(number)s AND fence = %(fence)s FOR UPDATE

-- name: hold_jobs
-- In one order; of each job the latest run comes first.
SELECT {run_columns} FROM ductape.runs WHERE job_id = ANY(%(jobs)s)
ORDER BY job_id DESC, number DESC FOR UPDATE

-- name: delete
DELETE FROM ductape.runs WHERE job_id = %(job_id)s AND number = %(number)s AND fence = %(fence)s

-- name: drop_waiting
DELETE FROM ductape.runs WHERE job_id = ANY(%(jobs)s) AND state <> 'running'

-- name: give_back
-- The checkpoint stays as `checkpoint` left it: the copy of whoever gives the run back may be older.
UPDATE ductape.runs SET state = %(state)s, fence = %(next_fence)s, extra = %(extra)s, due_at = %(due_at)s,
    failures = %(failures)s, losses = %(losses)s, worker = %(worker)s, started_at = %(started_at)s,
    first_started_at = %(first_started_at)s, deadline_at = NULL, cache_key = %(cache_key)s,
    expires_at = %(expires_at)s, needs = %(needs)s, stop_reason = NULL, attempts = %(attempts)s,
    progress = coalesce(%(progress)s, progress), updated_at = %(now)s
WHERE job_id = %(job_id)s AND number = %(number)s AND fence = %(fence)s

-- name: give_back_all
-- Those that somebody has asked to stop are left as they are.
UPDATE ductape.runs AS r SET state = b.state, fence = b.next_fence, extra = b.extra, due_at = b.due_at,
    failures = b.failures, losses = b.losses, worker = b.worker, started_at = b.started_at,
    first_started_at = b.first_started_at, deadline_at = NULL, cache_key = b.cache_key,
    expires_at = b.expires_at, needs = b.needs, attempts = b.attempts,
    progress = coalesce(b.progress, r.progress), updated_at = b.now
FROM unnest(%(job_id)b::text[], %(number)b::integer[], %(fence)b::integer[], %(state)b::text[],
    %(next_fence)b::integer[], %(extra)b::boolean[], %(due_at)b::bigint[], %(failures)b::integer[],
    %(losses)b::integer[], %(worker)b::text[], %(started_at)b::bigint[], %(first_started_at)b::bigint[],
    %(cache_key)b::bytea[], %(expires_at)b::bigint[], %(needs)b::text[], %(attempts)b::bytea[],
    %(progress)b::bytea[], %(now)b::bigint[])
    AS b (id, n, fence, state, next_fence, extra, due_at, failures, losses, worker, started_at,
        first_started_at, cache_key, expires_at, needs, attempts, progress, now)
WHERE r.job_id = b.id AND r.number = b.n AND r.fence = b.fence AND r.stop_reason IS NULL
RETURNING r.job_id, r.number

-- name: checkpoint
UPDATE ductape.runs SET checkpoint = coalesce(%(checkpoint)s, checkpoint),
    progress = coalesce(%(progress)s, progress), updated_at = %(now)s
WHERE job_id = %(job_id)s AND number = %(number)s AND fence = %(fence)s AND state = 'running'

-- name: learn
UPDATE ductape.runs SET spec = %(spec)s
WHERE job_id = %(job_id)s AND number = %(number)s AND fence = %(fence)s AND state = 'running'
    AND stop_reason IS NULL

-- name: ask_cancel
UPDATE ductape.runs SET stop_reason = %(reason)s
WHERE job_id = %(job_id)s AND number = %(number)s AND state = 'running' AND stop_reason IS NULL

-- name: asked_to_stop
SELECT job_id, number, fence, stop_reason FROM ductape.runs
WHERE state = 'running' AND worker = %(worker)s AND stop_reason IS NOT NULL

-- name: lost
SELECT {run_columns} FROM ductape.runs
WHERE state = 'running' AND (deadline_at < %(now)s
    OR worker NOT IN (SELECT id FROM ductape.workers WHERE lease_until >= %(now)s))
LIMIT %(most)s

-- name: expired
SELECT {run_columns} FROM ductape.runs
WHERE expires_at IS NOT NULL AND state <> 'running' AND expires_at < %(now)s
ORDER BY expires_at LIMIT %(most)s

-- name: of_jobs
SELECT DISTINCT ON (job_id) {run_columns}, updated_at FROM ductape.runs
WHERE job_id = ANY(%(jobs)s) ORDER BY job_id, number DESC

-- name: one
SELECT {run_columns} FROM ductape.runs WHERE job_id = %(job_id)s AND number = %(number)s

-- name: gates_of
-- The gates that runs are behind.
SELECT DISTINCT gated.flow FROM unnest(%(jobs)b::text[], %(numbers)b::integer[]) AS asked (id, n)
CROSS JOIN LATERAL (
    SELECT flow FROM ductape.runs
    WHERE job_id = asked.id AND number = asked.n AND concurrency IS NOT NULL LIMIT 1) AS gated

-- name: hold_all
-- In one order, one by one by the index: LIMIT leaves no other way to join.
SELECT held.* FROM (
    SELECT * FROM unnest(%(jobs)b::text[], %(numbers)b::integer[], %(fences)b::integer[]) AS given (id, n, fence)
    ORDER BY id COLLATE "C", n) AS asked
CROSS JOIN LATERAL (
    SELECT job_id, number, state, stop_reason FROM ductape.runs
    WHERE job_id = asked.id AND number = asked.n AND fence = asked.fence LIMIT 1 FOR UPDATE) AS held

-- name: leaders
-- Two of each key: whoever asks may be one of them. The order is the index's that is meant: that of all runs
-- in somebody's hands has another one.
SELECT led.* FROM unnest(%(keys)b::bytea[]) AS asked (key)
CROSS JOIN LATERAL (
    SELECT cache_key, job_id, number FROM ductape.runs
    WHERE cache_key = asked.key AND state = 'running' ORDER BY due_at LIMIT 2) AS led

-- name: lead
UPDATE ductape.runs SET cache_key = led.key
FROM unnest(%(jobs)b::text[], %(numbers)b::integer[], %(keys)b::bytea[]) AS led (id, n, key)
WHERE job_id = led.id AND number = led.n

-- name: park
UPDATE ductape.runs SET state = 'parked', fence = fence + 1, cache_key = aside.key, worker = NULL,
    started_at = NULL, deadline_at = NULL, updated_at = %(now)s,
    first_started_at = CASE WHEN attempts IS NULL THEN NULL ELSE first_started_at END
FROM unnest(%(jobs)b::text[], %(numbers)b::integer[], %(keys)b::bytea[]) AS aside (id, n, key)
WHERE job_id = aside.id AND number = aside.n

-- name: parked
SELECT {run_columns} FROM ductape.runs WHERE cache_key = ANY(%(keys)b::bytea[]) AND state = 'parked'

-- name: release
-- Of each key the first that is parked.
UPDATE ductape.runs SET state = 'queued', fence = fence + 1, updated_at = %(now)s
WHERE ctid = ANY(ARRAY(
    SELECT first.ctid FROM unnest(%(keys)b::bytea[]) AS asked (key)
    CROSS JOIN LATERAL (
        SELECT ctid FROM ductape.runs WHERE cache_key = asked.key AND state = 'parked'
        ORDER BY due_at, job_id LIMIT 1 FOR UPDATE) AS first))

-- name: deserted
-- Whoever is not parked is looked for at either side of those who are, not among them; EXISTS might be joined.
SELECT DISTINCT p.cache_key FROM ductape.runs AS p
WHERE p.cache_key IS NOT NULL AND p.state = 'parked'
    AND (SELECT 1 FROM ductape.runs AS l WHERE l.cache_key = p.cache_key AND l.state < 'parked' LIMIT 1) IS NULL
    AND (SELECT 1 FROM ductape.runs AS l WHERE l.cache_key = p.cache_key AND l.state > 'parked' LIMIT 1) IS NULL

-- name: hold_live
SELECT number, state FROM ductape.runs WHERE job_id = %(job_id)s ORDER BY number DESC LIMIT 1 FOR UPDATE

-- name: set_needs
UPDATE ductape.runs SET needs = %(needs)s WHERE job_id = %(job_id)s AND number = %(number)s

-- name: make_due
UPDATE ductape.runs SET state = 'queued', due_at = least(due_at, %(now)s), updated_at = %(now)s
WHERE job_id = %(job_id)s AND number = %(number)s AND state = 'scheduled'
