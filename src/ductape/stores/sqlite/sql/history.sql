-- name: insert
INSERT INTO history (job_id, number, outcome, head, product, env, event, kind, queue, extra, cached,
    scheduled_at, started_at, completed_at, failures, job_key, session_tag, session_user, metadata, spec,
    attempts, result, error, progress)
VALUES (:job_id, :number, :outcome, :head, :product, :env, :event, :kind, :queue, :extra, :cached,
    :scheduled_at, :started_at, :completed_at, :failures, :job_key, :session_tag, :session_user, :metadata,
    :spec, :attempts, :result, :error, :progress)

-- name: end
INSERT INTO history (job_id, number, outcome, head, product, env, event, kind, queue, extra, cached,
    scheduled_at, started_at, completed_at, failures, job_key, session_tag, session_user, metadata, spec,
    attempts, result, error, progress)
SELECT job_id, number, :outcome, NOT recurring, product, env, event, kind, queue, extra, :cached,
    scheduled_at, first_started_at, :completed_at, :failures, job_key, session_tag, session_user, metadata,
    spec, :attempts, :result, :error, coalesce(:progress, progress)
FROM runs WHERE job_id = :job_id AND number = :number AND fence = :fence

-- name: supersede
UPDATE history SET head = 0 WHERE job_id = :job_id AND number = :number AND head = 1

-- name: latest
SELECT {finished_columns} FROM history WHERE job_id = :job_id ORDER BY number DESC LIMIT 1

-- name: newest
SELECT {finished_columns} FROM history WHERE job_id = :job_id ORDER BY number DESC LIMIT :most

-- name: one
SELECT {finished_columns} FROM history WHERE job_id = :job_id AND number = :number

-- name: old
SELECT job_id, number, length(spec) + length(attempts) + coalesce(length(result), 0)
FROM history INDEXED BY history_age
WHERE outcome = :outcome AND completed_at < :ended_before ORDER BY completed_at LIMIT :most

-- name: delete
DELETE FROM history WHERE job_id = :job_id AND number = :number
