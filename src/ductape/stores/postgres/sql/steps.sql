-- name: put
INSERT INTO ductape.steps (job_id, number, path, position, kind, state, started_at, failures, due_at, awaits,
    completed_at, result, error)
VALUES (%(job_id)s, %(number)s, %(path)s, %(position)s, %(kind)s, %(state)s, %(started_at)s, %(failures)s,
    %(due_at)s, %(awaits)s, %(completed_at)s, %(result)s, %(error)s)
ON CONFLICT (job_id, number, path) DO UPDATE SET state = excluded.state, started_at = excluded.started_at,
    failures = excluded.failures, due_at = excluded.due_at, awaits = excluded.awaits,
    completed_at = excluded.completed_at, result = excluded.result, error = excluded.error

-- name: of_run
SELECT {step_columns} FROM ductape.steps WHERE job_id = %(job_id)s AND number = %(number)s ORDER BY position

-- name: waiting
SELECT 1 FROM ductape.steps
WHERE job_id = %(job_id)s AND number = %(number)s AND state = 'waiting' AND awaits = %(name)s LIMIT 1

-- name: delete
DELETE FROM ductape.steps USING unnest(%(jobs)s::text[], %(numbers)s::integer[]) AS gone (id, n)
WHERE job_id = gone.id AND number = gone.n

-- name: record
-- By who holds the run's fence; branches of one run do not wait for one another.
WITH held AS MATERIALIZED (
    SELECT job_id AS id, number AS n FROM ductape.runs
    WHERE job_id = %(job_id)s AND number = %(number)s AND fence = %(fence)s FOR SHARE)
INSERT INTO ductape.steps (job_id, number, path, position, kind, state, started_at, failures, due_at, awaits,
    completed_at, result, error)
SELECT held.id, held.n, step.* FROM held CROSS JOIN unnest(%(path)s::text[], %(position)s::integer[],
    %(kind)s::text[], %(state)s::text[], %(started_at)s::bigint[], %(failures)s::integer[], %(due_at)s::bigint[],
    %(awaits)s::text[], %(completed_at)s::bigint[], %(result)b::bytea[], %(error)b::bytea[]) AS step
ON CONFLICT (job_id, number, path) DO UPDATE SET state = excluded.state, started_at = excluded.started_at,
    failures = excluded.failures, due_at = excluded.due_at, awaits = excluded.awaits,
    completed_at = excluded.completed_at, result = excluded.result, error = excluded.error
