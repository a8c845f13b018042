-- name: insert
INSERT INTO ductape.history (job_id, number, outcome, head, product, env, event, kind, queue, extra, cached,
    scheduled_at, started_at, completed_at, failures, job_key, session_tag, session_user_id, metadata, spec,
    attempts, result, error, progress)
VALUES (%(job_id)s, %(number)s, %(outcome)s, %(head)s, %(product)s, %(env)s, %(event)s, %(kind)s, %(queue)s,
    %(extra)s, %(cached)s, %(scheduled_at)s, %(started_at)s, %(completed_at)s, %(failures)s, %(job_key)s,
    %(session_tag)s, %(session_user_id)s, %(metadata)s, %(spec)s, %(attempts)s, %(result)s, %(error)s,
    %(progress)s)

-- name: end
-- Ends every run whose fence holds and writes its history; answers with those. What a run keeps to its end
-- is taken from its row. The arrays are sent in binary: as text each cell would be escaped.
WITH ending AS (
    SELECT * FROM unnest(%(job_id)b::text[], %(number)b::integer[], %(fence)b::integer[],
        %(outcome)b::text[], %(cached)b::boolean[], %(completed_at)b::bigint[], %(failures)b::integer[],
        %(attempts)b::bytea[], %(result)b::bytea[], %(error)b::bytea[], %(progress)b::bytea[],
        %(scheduled_at)b::bigint[])
    AS e (id, n, fence, outcome, cached, completed_at, failures, attempts, result, error, progress,
        scheduled_at)
), gone AS (
    DELETE FROM ductape.runs AS r USING ending AS e
    WHERE r.job_id = e.id AND r.number = e.n AND r.fence = e.fence
    RETURNING r.job_id, r.number, e.outcome, NOT r.recurring, r.product, r.env, r.event, r.kind, r.queue,
        r.extra, e.cached, coalesce(e.scheduled_at, r.scheduled_at), r.first_started_at, e.completed_at,
        e.failures, r.job_key, r.session_tag, r.session_user_id, r.metadata, r.spec, e.attempts, e.result,
        e.error, coalesce(e.progress, r.progress)
)
INSERT INTO ductape.history (job_id, number, outcome, head, product, env, event, kind, queue, extra, cached,
    scheduled_at, started_at, completed_at, failures, job_key, session_tag, session_user_id, metadata, spec,
    attempts, result, error, progress)
SELECT * FROM gone RETURNING job_id, number

-- name: supersede
-- `ended_from`, here and below: none of these runs ended before, so that older days are not looked at.
UPDATE ductape.history SET head = false
WHERE job_id = %(job_id)s AND number = %(number)s AND head AND completed_at >= %(ended_from)s

-- name: latest
SELECT done.* FROM unnest(%(jobs)s::text[]) AS asked (id) CROSS JOIN LATERAL (
    SELECT {finished_columns} FROM ductape.history
    WHERE job_id = asked.id AND completed_at >= %(ended_from)s ORDER BY number DESC LIMIT 1) AS done

-- name: newest
SELECT {finished_columns} FROM ductape.history
WHERE job_id = %(job_id)s AND completed_at >= %(ended_from)s ORDER BY number DESC LIMIT %(most)s

-- name: cancelled
SELECT count(*) FROM ductape.history
WHERE job_id = %(job_id)s AND outcome = 'cancelled' AND started_at IS NOT NULL
    AND completed_at >= %(ended_from)s

-- name: one
SELECT {finished_columns} FROM ductape.history
WHERE job_id = %(job_id)s AND number = %(number)s AND completed_at >= %(ended_from)s

-- name: prune
-- Of a share's rest, that no day holds: of each product what ended before its own instant, or else before
-- everybody's. The products are found by seeks, so that runs that stay cost nothing.
WITH RECURSIVE met (product) AS (
    SELECT min(product) FROM ductape.{rest}
    UNION ALL
    SELECT (SELECT min(rest.product) FROM ductape.{rest} AS rest WHERE rest.product > met.product)
    FROM met WHERE met.product IS NOT NULL
)
DELETE FROM ductape.{rest} WHERE ctid = ANY(ARRAY(
    SELECT run.ctid FROM met
    LEFT JOIN unnest(%(others)s::text[], %(others_before)s::bigint[]) AS other (product, before)
        ON other.product = met.product
    CROSS JOIN LATERAL (
        SELECT rest.ctid FROM ductape.{rest} AS rest
        WHERE rest.product = met.product
            AND rest.completed_at < coalesce(other.before, %(ended_before)s)
        LIMIT %(most)s FOR UPDATE SKIP LOCKED) AS run
    LIMIT %(most)s))
RETURNING job_id, number
