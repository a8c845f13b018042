-- name: known
SELECT EXISTS (SELECT FROM ductape.runs WHERE job_id = %(job_id)s)
    OR EXISTS (SELECT FROM ductape.history WHERE job_id = %(job_id)s)

-- name: now
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint

-- name: page
-- `ended_from`: no run of a job made since then ended before, so that older days are not looked at.
-- Were a condition inside of a part, or a collation not the same in all, PostgreSQL would sort all jobs for
-- each page instead of merging the parts' indexes. A part that cannot have the status is not `shown` whole, and
-- left out of the plan: what runs now is told without a look at what has ended.
SELECT job_id FROM (
    SELECT job_id, kind, product, env, event, queue COLLATE "C" AS queue, job_key, session_tag,
        session_user_id, metadata, true AS shown, 9223372036854775807 AS ended_at, true AS recurring,
        CASE state WHEN 'paused' THEN state ELSE coalesce((
            SELECT CASE WHEN runs.state = 'running' OR (runs.state = 'scheduled' AND due_at > %(now)s) THEN runs.state
                ELSE 'queued' END
            FROM ductape.runs
            WHERE runs.job_id = schedules.job_id ORDER BY number DESC LIMIT 1),
            CASE state WHEN 'active' THEN 'scheduled' ELSE state END) END AS status
    FROM ductape.schedules
    UNION ALL
    SELECT job_id, kind, product, env, event, queue COLLATE "C", job_key, session_tag,
        session_user_id, metadata,
        NOT recurring AND (%(status)s::text IS NULL
            OR %(status)s::text NOT IN ('completed', 'failed', 'cancelled', 'paused')),
        9223372036854775807, false,
        CASE WHEN state = 'running' OR (state = 'scheduled' AND due_at > %(now)s) THEN state ELSE 'queued' END
    FROM ductape.runs
    UNION ALL
    SELECT job_id, kind, product, env, event, queue COLLATE "C", job_key, session_tag,
        session_user_id, metadata,
        head AND (%(status)s::text IS NULL OR %(status)s::text IN ('completed', 'failed', 'cancelled')),
        completed_at, false, outcome
    FROM ductape.history
) AS job
WHERE shown AND job_id < %(before)s AND job_id >= %(since)s AND ended_at >= %(ended_from)s
    AND (%(status)s::text IS NULL OR status = %(status)s)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    AND (%(product)s::text IS NULL OR product = %(product)s)
    AND (%(env)s::text IS NULL OR env = %(env)s)
    AND (%(event)s::text IS NULL OR event = %(event)s)
    AND (%(queue)s::text IS NULL OR queue = %(queue)s)
    AND (%(recurring)s::boolean IS NULL OR recurring = %(recurring)s)
    AND (%(session_tag)s::text IS NULL OR session_tag = %(session_tag)s)
    AND (%(session_user_id)s::text IS NULL OR session_user_id = %(session_user_id)s)
    AND (%(q)s::text IS NULL
        OR strpos(lower(job_id || ' ' || event || ' ' || coalesce(job_key, '')), lower(%(q)s)) > 0)
    AND (%(metadata)s::text IS NULL OR metadata::jsonb @> %(metadata)s::jsonb)
ORDER BY job_id DESC LIMIT %(most)s
