-- name: known
SELECT EXISTS (SELECT FROM ductape.runs WHERE job_id = %(job_id)s)
    OR EXISTS (SELECT FROM ductape.history WHERE job_id = %(job_id)s)

-- name: page
SELECT job_id FROM (
    SELECT job_id, kind, product, env, event, queue, job_key, session_tag, session_user_id, metadata,
        true AS recurring,
        CASE state WHEN 'paused' THEN state ELSE coalesce((
            SELECT CASE WHEN runs.state IN ('parked', 'blocked') THEN 'queued' ELSE runs.state END FROM ductape.runs
            WHERE runs.job_id = schedules.job_id ORDER BY number DESC LIMIT 1),
            CASE state WHEN 'active' THEN 'scheduled' ELSE state END) END AS status
    FROM ductape.schedules
    UNION ALL
    SELECT job_id, kind, product, env, event, queue, job_key, session_tag, session_user_id, metadata,
        false AS recurring, CASE WHEN state IN ('parked', 'blocked') THEN 'queued' ELSE state END AS status
    FROM ductape.runs WHERE NOT recurring
    UNION ALL
    SELECT job_id, kind, product, env, event, queue, job_key, session_tag, session_user_id, metadata,
        false AS recurring, outcome AS status
    FROM ductape.history WHERE head
) AS job
WHERE job_id < %(before)s AND job_id >= %(since)s
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
