-- name: insert
INSERT INTO ductape.history (job_id, number, outcome, head, product, env, event, kind, queue, extra, cached,
    scheduled_at, started_at, completed_at, failures, job_key, session_tag, session_user_id, metadata, spec,
    attempts, result, error, progress)
VALUES (%(job_id)s, %(number)s, %(outcome)s, %(head)s, %(product)s, %(env)s, %(event)s, %(kind)s, %(queue)s,
    %(extra)s, %(cached)s, %(scheduled_at)s, %(started_at)s, %(completed_at)s, %(failures)s, %(job_key)s,
    %(session_tag)s, %(session_user_id)s, %(metadata)s::jsonb, %(spec)s, %(attempts)s, %(result)s, %(error)s,
    %(progress)s)

-- name: end_many
-- Ends every run whose fence holds and writes its history; answers with those.
WITH ending AS (
    SELECT * FROM unnest(%(job_id)s::text[], %(number)s::integer[], %(fence)s::integer[],
        %(outcome)s::text[], %(head)s::boolean[], %(product)s::text[], %(env)s::text[], %(event)s::text[],
        %(kind)s::text[], %(queue)s::text[], %(extra)s::boolean[], %(cached)s::boolean[],
        %(scheduled_at)s::bigint[], %(started_at)s::bigint[], %(completed_at)s::bigint[],
        %(failures)s::integer[], %(job_key)s::text[], %(session_tag)s::text[], %(session_user_id)s::text[],
        %(metadata)s::text[], %(spec)s::bytea[], %(attempts)s::bytea[], %(result)s::bytea[],
        %(error)s::bytea[], %(progress)s::bytea[])
    AS e (job_id, number, fence, outcome, head, product, env, event, kind, queue, extra, cached, scheduled_at,
        started_at, completed_at, failures, job_key, session_tag, session_user_id, metadata, spec, attempts,
        result, error, progress)
), gone AS (
    DELETE FROM ductape.runs AS r USING ending AS e
    WHERE r.job_id = e.job_id AND r.number = e.number AND r.fence = e.fence
    RETURNING r.job_id, r.number
), written AS (
    INSERT INTO ductape.history (job_id, number, outcome, head, product, env, event, kind, queue, extra,
        cached, scheduled_at, started_at, completed_at, failures, job_key, session_tag, session_user_id,
        metadata, spec, attempts, result, error, progress)
    SELECT e.job_id, e.number, outcome, head, product, env, event, kind, queue, extra, cached, scheduled_at,
        started_at, completed_at, failures, job_key, session_tag, session_user_id, metadata::jsonb, spec,
        attempts, result, error, progress
    FROM ending AS e JOIN gone AS g ON g.job_id = e.job_id AND g.number = e.number
)
SELECT job_id, number FROM gone

-- name: supersede
UPDATE ductape.history SET head = false WHERE job_id = %(job_id)s AND number = %(number)s AND head

-- name: latest
SELECT DISTINCT ON (job_id) {finished_columns} FROM ductape.history
WHERE job_id = ANY(%(jobs)s) ORDER BY job_id, number DESC

-- name: newest
SELECT {finished_columns} FROM ductape.history WHERE job_id = %(job_id)s ORDER BY number DESC LIMIT %(most)s

-- name: one
SELECT {finished_columns} FROM ductape.history WHERE job_id = %(job_id)s AND number = %(number)s

-- name: prune
WITH old AS MATERIALIZED (
    SELECT job_id AS id, number AS n FROM ductape.history
    WHERE completed_at < %(completed_before)s AND (outcome = 'completed' OR completed_at < %(failed_before)s)
    ORDER BY completed_at LIMIT %(most)s)
DELETE FROM ductape.history USING old WHERE job_id = old.id AND number = old.n
RETURNING job_id
