-- name: insert
-- Nothing where a product has moved on from the version that the job was resolved against.
INSERT INTO ductape.runs ({inserted_columns})
SELECT %(job_id)s, %(number)s, %(state)s, %(fence)s, %(product)s, %(env)s, %(event)s, %(kind)s, %(queue)s,
    %(priority)s, %(needs)s, %(recurring)s, %(extra)s, %(scheduled_at)s, %(due_at)s, %(timeout_ms)s,
    %(failures)s, %(losses)s, %(worker)s, %(started_at)s, %(first_started_at)s, %(deadline_at)s,
    %(cache_key)s, %(job_key)s, %(session_tag)s, %(session_user_id)s, %(metadata)s, %(spec)s, %(attempts)s,
    %(checkpoint)s, %(progress)s, %(updated_at)s
WHERE %(product_version)s::integer IS NULL OR %(product_version)s = (
    SELECT max(version) FROM ductape.products WHERE tag = %(product)s)

-- name: copy
COPY ductape.runs ({inserted_columns}) FROM STDIN (FORMAT BINARY)

-- name: promote
-- Rows that were picked and locked are gone to by their place: no plan can make a scan of it.
UPDATE ductape.runs SET state = 'queued' WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM ductape.runs WHERE state = 'scheduled' AND due_at <= %(now)s
    ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED))

-- name: next_due
SELECT due_at FROM ductape.runs WHERE state = 'scheduled' ORDER BY due_at LIMIT 1

-- name: queues
WITH RECURSIVE waiting (queue) AS (
    (SELECT queue FROM ductape.runs WHERE state = 'queued' AND losses = 0 ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT runs.queue FROM ductape.runs
            WHERE state = 'queued' AND losses = 0 AND runs.queue > waiting.queue ORDER BY runs.queue LIMIT 1)
    FROM waiting WHERE waiting.queue IS NOT NULL)
SELECT queue FROM waiting WHERE queue IS NOT NULL
UNION
SELECT queue FROM ductape.runs WHERE state = 'queued' AND losses > 0
ORDER BY queue

-- name: claim
-- The outer UPDATE does not repeat the index's predicate, which would mislead the planner.
UPDATE ductape.runs SET state = 'running', fence = fence + 1, worker = %(worker)s, started_at = %(now)s,
    first_started_at = coalesce(first_started_at, %(now)s), deadline_at = %(now)s + timeout_ms + %(grace)s,
    stop_reason = NULL, updated_at = %(now)s
WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM ductape.runs
    WHERE state = 'queued' AND losses = 0 AND queue = %(queue)s
        AND (needs IS NULL OR needs = ANY(%(handlers)s::text[]))
    ORDER BY priority DESC, due_at LIMIT %(slots)s FOR UPDATE SKIP LOCKED))
RETURNING {run_columns}

-- name: claim_suspect
UPDATE ductape.runs SET state = 'running', fence = fence + 1, worker = %(worker)s, started_at = %(now)s,
    first_started_at = coalesce(first_started_at, %(now)s), deadline_at = %(now)s + timeout_ms + %(grace)s,
    stop_reason = NULL, updated_at = %(now)s
WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM ductape.runs
    WHERE state = 'queued' AND losses > 0 AND queue = %(queue)s
        AND (needs IS NULL OR needs = ANY(%(handlers)s::text[]))
    ORDER BY priority DESC, due_at LIMIT %(slots)s FOR UPDATE SKIP LOCKED))
RETURNING {run_columns}

-- name: hold
-- Nobody changes the run until this transaction ends.
SELECT state, stop_reason FROM ductape.runs
WHERE job_id = %(job_id)s AND number = %(number)s AND fence = %(fence)s FOR UPDATE

-- name: hold_job
SELECT {run_columns} FROM ductape.runs WHERE job_id = %(job_id)s ORDER BY number DESC FOR UPDATE

-- name: delete
DELETE FROM ductape.runs WHERE job_id = %(job_id)s AND number = %(number)s AND fence = %(fence)s

-- name: drop_waiting
DELETE FROM ductape.runs WHERE job_id = %(job_id)s AND state <> 'running'

-- name: give_back
-- The checkpoint stays as `checkpoint` left it: the copy of whoever gives the run back may be older.
UPDATE ductape.runs SET state = %(state)s, fence = %(next_fence)s, extra = %(extra)s, due_at = %(due_at)s,
    failures = %(failures)s, losses = %(losses)s, worker = %(worker)s, started_at = %(started_at)s,
    first_started_at = %(first_started_at)s, deadline_at = NULL, cache_key = %(cache_key)s, stop_reason = NULL,
    attempts = %(attempts)s, progress = coalesce(%(progress)s, progress), updated_at = %(now)s
WHERE job_id = %(job_id)s AND number = %(number)s AND fence = %(fence)s

-- name: checkpoint
UPDATE ductape.runs SET checkpoint = coalesce(%(checkpoint)s, checkpoint),
    progress = coalesce(%(progress)s, progress), updated_at = %(now)s
WHERE job_id = %(job_id)s AND number = %(number)s AND fence = %(fence)s AND state = 'running'

-- name: ask_cancel
UPDATE ductape.runs SET stop_reason = %(reason)s
WHERE job_id = %(job_id)s AND number = %(number)s AND state = 'running'

-- name: asked_to_stop
SELECT job_id, number, fence, stop_reason FROM ductape.runs
WHERE state = 'running' AND worker = %(worker)s AND stop_reason IS NOT NULL

-- name: lost
SELECT {run_columns} FROM ductape.runs
WHERE state = 'running' AND (deadline_at < %(now)s
    OR worker NOT IN (SELECT id FROM ductape.workers WHERE lease_until >= %(now)s))
LIMIT %(most)s

-- name: of_jobs
SELECT DISTINCT ON (job_id) {run_columns}, updated_at FROM ductape.runs
WHERE job_id = ANY(%(jobs)s) ORDER BY job_id, number DESC

-- name: one
SELECT {run_columns} FROM ductape.runs WHERE job_id = %(job_id)s AND number = %(number)s

-- name: same_running
SELECT job_id FROM ductape.runs
WHERE cache_key = %(key)s AND state = 'running' AND NOT (job_id = %(job_id)s AND number = %(number)s) LIMIT 1

-- name: lead
UPDATE ductape.runs SET cache_key = %(key)s WHERE job_id = %(job_id)s AND number = %(number)s

-- name: park
UPDATE ductape.runs SET state = 'parked', fence = fence + 1, cache_key = %(key)s, worker = NULL,
    started_at = NULL, deadline_at = NULL, updated_at = %(now)s,
    first_started_at = CASE WHEN attempts IS NULL THEN NULL ELSE first_started_at END
WHERE job_id = %(job_id)s AND number = %(number)s

-- name: parked
SELECT {run_columns} FROM ductape.runs WHERE cache_key = %(key)s AND state = 'parked' ORDER BY due_at, job_id

-- name: release_one
WITH first AS MATERIALIZED (
    SELECT job_id AS id, number AS n FROM ductape.runs WHERE cache_key = %(key)s AND state = 'parked'
    ORDER BY due_at, job_id LIMIT 1 FOR UPDATE)
UPDATE ductape.runs SET state = 'queued', fence = fence + 1, updated_at = %(now)s
FROM first WHERE job_id = first.id AND number = first.n

-- name: deserted
SELECT DISTINCT p.cache_key FROM ductape.runs AS p
WHERE p.cache_key IS NOT NULL AND p.state = 'parked' AND NOT EXISTS (
    SELECT 1 FROM ductape.runs AS l WHERE l.cache_key = p.cache_key AND l.state <> 'parked')
