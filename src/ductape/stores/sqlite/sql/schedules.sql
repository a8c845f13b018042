-- name: insert
INSERT INTO schedules (job_id, state, version, product, env, event, kind, queue, anchor_at, watermark,
    next_number, occurrences, executions, failed, extras, fault, reason, twin, job_key, session_tag,
    session_user, metadata, spec, updated_at)
VALUES (:job_id, :state, :version, :product, :env, :event, :kind, :queue, :anchor_at, :watermark,
    :next_number, :occurrences, :executions, :failed, :extras, :fault, :reason, :twin, :job_key,
    :session_tag, :session_user, :metadata, :spec, :now)

-- name: update
UPDATE schedules SET state = :state, version = :version, queue = :queue, anchor_at = :anchor_at,
    watermark = :watermark, next_number = :next_number, occurrences = :occurrences,
    executions = :executions, failed = :failed, extras = :extras, fault = :fault, reason = :reason,
    session_tag = :session_tag, session_user = :session_user, metadata = :metadata, spec = :spec,
    updated_at = :now
WHERE job_id = :job_id AND version = :version - 1

-- name: version
SELECT version FROM schedules WHERE job_id = :job_id

-- name: get
SELECT {schedule_columns}, updated_at FROM schedules WHERE job_id = :job_id

-- name: twin
SELECT job_id FROM schedules WHERE twin = :twin AND state IN ('active', 'paused')

-- name: orphans
SELECT {schedule_columns} FROM schedules AS s INDEXED BY schedules_live
WHERE state = 'active' AND fault IS NULL
    AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.job_id = s.job_id)
LIMIT :most

-- name: prune
DELETE FROM schedules WHERE job_id IN (
    SELECT job_id FROM schedules AS s INDEXED BY schedules_ended
    WHERE s.state IN ('completed', 'failed', 'cancelled') AND s.updated_at < :latest_before
        AND s.updated_at < coalesce(
            (SELECT value FROM json_each(:others) WHERE key = s.product), :failed_before)
        AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.job_id = s.job_id)
        AND NOT EXISTS (SELECT 1 FROM history WHERE history.job_id = s.job_id)
    ORDER BY s.updated_at LIMIT :most)
RETURNING job_id
