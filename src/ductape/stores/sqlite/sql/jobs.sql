-- name: page
-- `+outcome`: a bare column has an affinity that the other parts' `status` lacks, and SQLite then sorts
-- all jobs for each page instead of merging three indexes. A part that cannot have the status is left out
-- whole: what runs now is told without a look at what has ended.
SELECT job_id FROM (
    SELECT job_id, kind, product, env, event, queue, job_key, session_tag, session_user, metadata,
        1 AS recurring,
        CASE state WHEN 'paused' THEN state ELSE coalesce((
            SELECT CASE WHEN runs.state = 'running' OR (runs.state = 'scheduled' AND due_at > :now) THEN runs.state
                ELSE 'queued' END FROM runs
            WHERE runs.job_id = schedules.job_id ORDER BY number DESC LIMIT 1),
            CASE state WHEN 'active' THEN 'scheduled' ELSE state END) END AS status
    FROM schedules
    UNION ALL
    SELECT job_id, kind, product, env, event, queue, job_key, session_tag, session_user, metadata,
        0 AS recurring, CASE WHEN state = 'running' OR (state = 'scheduled' AND due_at > :now) THEN state ELSE 'queued' END AS status
    FROM runs WHERE recurring = 0
        AND (:status IS NULL OR :status NOT IN ('completed', 'failed', 'cancelled', 'paused'))
    UNION ALL
    SELECT job_id, kind, product, env, event, queue, job_key, session_tag, session_user, metadata,
        0 AS recurring, +outcome AS status
    FROM history WHERE head = 1 AND (:status IS NULL OR :status IN ('completed', 'failed', 'cancelled'))
)
WHERE job_id < :before AND job_id >= :since
    AND (:status IS NULL OR status = :status)
    AND (:kind IS NULL OR kind = :kind)
    AND (:product IS NULL OR product = :product)
    AND (:env IS NULL OR env = :env)
    AND (:event IS NULL OR event = :event)
    AND (:queue IS NULL OR queue = :queue)
    AND (:recurring IS NULL OR recurring = :recurring)
    AND (:session_tag IS NULL OR session_tag = :session_tag)
    AND (:session_user IS NULL OR session_user = :session_user)
    AND (:q IS NULL OR instr(lower(job_id || ' ' || event || ' ' || coalesce(job_key, '')), lower(:q)) > 0)
    AND (:metadata IS NULL OR NOT EXISTS (
        SELECT 1 FROM json_each(:metadata) AS want
        WHERE NOT EXISTS (
            SELECT 1 FROM json_each(coalesce(metadata, '{}')) AS has
            WHERE has.key = want.key AND has.value = want.value)))
ORDER BY job_id DESC LIMIT :most
