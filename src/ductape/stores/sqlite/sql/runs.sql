-- name: insert
INSERT INTO runs (job_id, number, state, fence, product, env, event, kind, queue, rank, flow, needs,
    concurrency, recurring, extra, scheduled_at, due_at, timeout_ms, failures, losses, worker, started_at,
    first_started_at, deadline_at, cache_key, job_key, session_tag, session_user, metadata, spec, attempts,
    checkpoint, progress, expires_at, updated_at)
VALUES (:job_id, :number, :state, :fence, :product, :env, :event, :kind, :queue, :rank, :flow, :needs,
    :concurrency, :recurring, :extra, :scheduled_at, :due_at, :timeout_ms, :failures, :losses, :worker, :started_at,
    :first_started_at, :deadline_at, :cache_key, :job_key, :session_tag, :session_user,
    :metadata, :spec, :attempts, :checkpoint, :progress, :expires_at, :now)

-- name: insert_fresh
INSERT INTO runs ({fresh_columns}) VALUES {rows of 22}

-- name: promote
UPDATE runs SET state = 'queued'
WHERE (job_id, number) IN (
    SELECT job_id, number FROM runs INDEXED BY runs_later
    WHERE state = 'scheduled' AND due_at <= :now ORDER BY due_at LIMIT :most)

-- name: next_due
SELECT due_at FROM runs INDEXED BY runs_later WHERE state = 'scheduled' ORDER BY due_at LIMIT 1

-- name: queues
-- Those in which runs wait, after one of them: as many as are asked for, a seek for each.
WITH RECURSIVE waiting (queue, place) AS (
    SELECT min(queue), 1 FROM runs INDEXED BY runs_claim WHERE state = 'queued' AND losses = 0 AND queue > :after
    UNION ALL
    SELECT (SELECT min(queue) FROM runs INDEXED BY runs_claim
            WHERE state = 'queued' AND losses = 0 AND runs.queue > waiting.queue), place + 1
    FROM waiting WHERE waiting.queue IS NOT NULL AND place < :most)
SELECT queue FROM waiting WHERE queue IS NOT NULL

-- name: suspect_queues
SELECT DISTINCT queue FROM runs INDEXED BY runs_suspect WHERE state = 'queued' AND losses > 0

-- name: first_head
SELECT queue, rank, flow, needs, due_at, concurrency FROM runs INDEXED BY runs_claim
WHERE state = 'queued' AND losses = 0 AND queue = :queue
ORDER BY rank, flow, needs, due_at LIMIT 1

-- name: next_head
-- The first run of the next group, as the first of three seeks finds it: a comparison of rows at once
-- would go through all that is left of this group.
SELECT * FROM (
    SELECT queue, rank, flow, needs, due_at, concurrency FROM runs INDEXED BY runs_claim
    WHERE state = 'queued' AND losses = 0 AND queue = :queue AND rank = :rank AND flow = :flow AND needs > :needs
    ORDER BY needs, due_at LIMIT 1) AS looked_at
UNION ALL SELECT * FROM (
    SELECT queue, rank, flow, needs, due_at, concurrency FROM runs INDEXED BY runs_claim
    WHERE state = 'queued' AND losses = 0 AND queue = :queue AND rank = :rank AND flow > :flow
    ORDER BY flow, needs, due_at LIMIT 1) AS looked_at
UNION ALL SELECT * FROM (
    SELECT queue, rank, flow, needs, due_at, concurrency FROM runs INDEXED BY runs_claim
    WHERE state = 'queued' AND losses = 0 AND queue = :queue AND rank > :rank
    ORDER BY rank, flow, needs, due_at LIMIT 1) AS looked_at
LIMIT 1

-- name: claim
UPDATE runs SET state = 'running', fence = fence + 1, worker = :worker, started_at = max(:now, due_at),
    first_started_at = coalesce(first_started_at, max(:now, due_at)),
    deadline_at = max(:now, due_at) + timeout_ms + :grace, stop_reason = NULL, updated_at = :now
WHERE (job_id, number) IN (
    SELECT job_id, number FROM runs INDEXED BY runs_claim
    WHERE state = 'queued' AND losses = 0 AND queue = :queue AND rank = :rank AND flow = :flow
        AND needs = :needs
    ORDER BY due_at LIMIT :slots)
RETURNING {run_columns}

-- name: claim_suspect
UPDATE runs SET state = 'running', fence = fence + 1, worker = :worker, started_at = max(:now, due_at),
    first_started_at = coalesce(first_started_at, max(:now, due_at)),
    deadline_at = max(:now, due_at) + timeout_ms + :grace, stop_reason = NULL, updated_at = :now
WHERE job_id = :job_id AND number = :number
RETURNING {run_columns}

-- name: suspects
SELECT job_id, number, flow, concurrency FROM runs INDEXED BY runs_suspect
WHERE state = 'queued' AND losses > 0 AND queue = :queue
    AND (needs = '' OR needs IN (SELECT value FROM json_each(:handlers)))
ORDER BY rank, due_at LIMIT :most

-- name: block
UPDATE runs SET state = 'blocked'
WHERE (job_id, number) IN (
    SELECT job_id, number FROM runs INDEXED BY runs_claim
    WHERE state = 'queued' AND losses = 0 AND queue = :queue AND rank = :rank AND flow = :flow
        AND needs = :needs
    LIMIT :most)

-- name: block_one
UPDATE runs SET state = 'blocked' WHERE job_id = :job_id AND number = :number

-- name: in_gate
SELECT count(*) FROM runs INDEXED BY runs_gate WHERE state = 'running' AND concurrency IS NOT NULL AND flow = :flow

-- name: first_blocked
SELECT concurrency FROM runs INDEXED BY runs_blocked WHERE state = 'blocked' AND flow = :flow
ORDER BY rank, due_at LIMIT 1

-- name: unblock
UPDATE runs SET state = 'queued', updated_at = :now
WHERE (job_id, number) IN (
    SELECT job_id, number FROM runs INDEXED BY runs_blocked WHERE state = 'blocked' AND flow = :flow
    ORDER BY rank, due_at LIMIT :most)

-- name: open_gates
-- Flows whose gates have room although runs wait before them.
WITH RECURSIVE waiting (flow) AS (
    SELECT min(flow) FROM runs INDEXED BY runs_blocked WHERE state = 'blocked'
    UNION ALL
    SELECT (SELECT min(flow) FROM runs INDEXED BY runs_blocked
            WHERE state = 'blocked' AND runs.flow > waiting.flow)
    FROM waiting WHERE waiting.flow IS NOT NULL)
SELECT flow FROM waiting WHERE flow IS NOT NULL AND
    (SELECT count(*) FROM runs INDEXED BY runs_gate
     WHERE state = 'running' AND concurrency IS NOT NULL AND runs.flow = waiting.flow) <
    (SELECT concurrency FROM runs INDEXED BY runs_blocked WHERE state = 'blocked' AND runs.flow = waiting.flow
     ORDER BY rank, due_at LIMIT 1)

-- name: running_of_queue
SELECT count(*) FROM runs INDEXED BY runs_held WHERE state = 'running' AND queue = :queue

-- name: counts
SELECT queue, CASE WHEN state = 'scheduled' AND due_at <= :now THEN 'queued' ELSE state END, count(*), min(due_at)
FROM runs GROUP BY 1, 2
-- name: fence
SELECT fence FROM runs WHERE job_id = :job_id AND number = :number

-- name: delete
DELETE FROM runs WHERE job_id = :job_id AND number = :number AND fence = :fence

-- name: delete_many
DELETE FROM runs WHERE (job_id, number) IN (VALUES {rows of 2})

-- name: drop_waiting
DELETE FROM runs WHERE job_id = :job_id AND state <> 'running'

-- name: give_back
-- The checkpoint stays as `checkpoint` left it: the copy of whoever gives the run back may be older.
UPDATE runs SET state = :state, fence = :next_fence, extra = :extra, due_at = :due_at, failures = :failures,
    losses = :losses, worker = :worker, started_at = :started_at, first_started_at = :first_started_at,
    deadline_at = NULL, cache_key = :cache_key, expires_at = :expires_at, needs = :needs, stop_reason = NULL,
    attempts = :attempts, progress = coalesce(:progress, progress), updated_at = :now
WHERE job_id = :job_id AND number = :number AND fence = :fence

-- name: checkpoint
UPDATE runs SET checkpoint = coalesce(:checkpoint, checkpoint), progress = coalesce(:progress, progress),
    updated_at = :now
WHERE job_id = :job_id AND number = :number AND fence = :fence AND state = 'running'

-- name: learn
UPDATE runs SET spec = :spec
WHERE job_id = :job_id AND number = :number AND fence = :fence AND state = 'running' AND stop_reason IS NULL

-- name: ask_cancel
UPDATE runs SET stop_reason = :reason
WHERE job_id = :job_id AND number = :number AND state = 'running' AND stop_reason IS NULL

-- name: stop_reason
SELECT stop_reason FROM runs WHERE job_id = :job_id AND number = :number AND fence = :fence

-- name: asked_to_stop
SELECT job_id, number, fence, stop_reason FROM runs INDEXED BY runs_held
WHERE state = 'running' AND worker = :worker AND stop_reason IS NOT NULL

-- name: claimed
SELECT {run_columns} FROM runs INDEXED BY runs_held
WHERE state = 'running' AND worker = :worker AND updated_at = :at

-- name: lost
SELECT {run_columns} FROM runs INDEXED BY runs_held
WHERE state = 'running'
    AND (deadline_at < :now OR worker NOT IN (SELECT id FROM workers WHERE lease_until >= :now))
LIMIT :most

-- name: expired
SELECT {run_columns} FROM runs INDEXED BY runs_expiring
WHERE expires_at IS NOT NULL AND state <> 'running' AND expires_at < :now
ORDER BY expires_at LIMIT :most

-- name: of_job
SELECT {run_columns}, updated_at FROM runs WHERE job_id = :job_id ORDER BY number DESC LIMIT 1

-- name: one
SELECT {run_columns} FROM runs WHERE job_id = :job_id AND number = :number

-- name: same_running
SELECT job_id FROM runs INDEXED BY runs_cache
WHERE cache_key = :key AND state = 'running' AND NOT (job_id = :job_id AND number = :number) LIMIT 1

-- name: gate
SELECT flow FROM runs WHERE job_id = :job_id AND number = :number AND concurrency IS NOT NULL

-- name: lead
UPDATE runs SET cache_key = :key WHERE job_id = :job_id AND number = :number AND fence = :fence AND state = 'running'

-- name: park
UPDATE runs SET state = 'parked', fence = fence + 1, cache_key = :key, worker = NULL, started_at = NULL,
    deadline_at = NULL, updated_at = :now,
    first_started_at = CASE WHEN attempts IS NULL THEN NULL ELSE first_started_at END
WHERE job_id = :job_id AND number = :number AND fence = :fence AND state = 'running'

-- name: parked
SELECT {run_columns} FROM runs INDEXED BY runs_cache WHERE cache_key = :key AND state = 'parked' ORDER BY due_at

-- name: release_one
UPDATE runs SET state = 'queued', fence = fence + 1, updated_at = :now
WHERE (job_id, number) IN (
    SELECT job_id, number FROM runs INDEXED BY runs_cache
    WHERE cache_key = :key AND state = 'parked' ORDER BY due_at LIMIT 1)

-- name: deserted
-- Each run is looked at once: asked of each follower, whether there is a leader would go through the others.
SELECT cache_key FROM runs INDEXED BY runs_cache WHERE cache_key IS NOT NULL
GROUP BY cache_key HAVING min(state = 'parked')

-- name: live
SELECT number, state FROM runs WHERE job_id = :job_id ORDER BY number DESC LIMIT 1

-- name: set_needs
UPDATE runs SET needs = :needs WHERE job_id = :job_id AND number = :number

-- name: make_due
UPDATE runs SET state = 'queued', due_at = min(due_at, :now), updated_at = :now
WHERE job_id = :job_id AND number = :number AND state = 'scheduled'
