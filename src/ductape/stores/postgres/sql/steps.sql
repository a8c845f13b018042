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
-- Those of runs whose fences hold; answers with these runs. Branches of one run do not wait for one another.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(%(job_id)s::text[], %(number)s::integer[], %(fence)s::integer[], %(path)s::text[],
        %(position)s::integer[], %(kind)s::text[], %(state)s::text[], %(started_at)s::bigint[],
        %(failures)s::integer[], %(due_at)s::bigint[], %(awaits)s::text[], %(completed_at)s::bigint[],
        %(result)b::bytea[], %(error)b::bytea[])
    AS g (id, n, fence, path, position, kind, state, started_at, failures, due_at, awaits, completed_at,
        result, error)
), held AS MATERIALIZED (
    -- In one order for everybody, one by one by the index: LIMIT leaves no other way to join.
    SELECT r.* FROM (SELECT DISTINCT id COLLATE "C" AS id, n, fence FROM given ORDER BY id, n) AS asked
    CROSS JOIN LATERAL (
        SELECT job_id, number, fence FROM ductape.runs
        WHERE job_id = asked.id AND number = asked.n AND fence = asked.fence LIMIT 1 FOR SHARE) AS r
), stored AS (
    INSERT INTO ductape.steps (job_id, number, path, position, kind, state, started_at, failures, due_at,
        awaits, completed_at, result, error)
    SELECT g.id, g.n, g.path, g.position, g.kind, g.state, g.started_at, g.failures, g.due_at, g.awaits,
        g.completed_at, g.result, g.error
    FROM given AS g JOIN held ON held.job_id = g.id AND held.number = g.n AND held.fence = g.fence
    ON CONFLICT (job_id, number, path) DO UPDATE SET state = excluded.state, started_at = excluded.started_at,
        failures = excluded.failures, due_at = excluded.due_at, awaits = excluded.awaits,
        completed_at = excluded.completed_at, result = excluded.result, error = excluded.error
)
SELECT job_id, number, fence FROM held
