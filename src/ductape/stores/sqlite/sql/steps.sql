-- name: put
INSERT INTO steps (job_id, number, path, position, kind, state, started_at, failures, due_at, awaits,
    completed_at, result, error)
VALUES (:job_id, :number, :path, :position, :kind, :state, :started_at, :failures, :due_at, :awaits,
    :completed_at, :result, :error)
ON CONFLICT (job_id, number, path) DO UPDATE SET state = excluded.state, started_at = excluded.started_at,
    failures = excluded.failures, due_at = excluded.due_at, awaits = excluded.awaits,
    completed_at = excluded.completed_at, result = excluded.result, error = excluded.error

-- name: of_run
SELECT {step_columns} FROM steps WHERE job_id = :job_id AND number = :number ORDER BY position

-- name: waiting
SELECT 1 FROM steps
WHERE job_id = :job_id AND number = :number AND state = 'waiting' AND awaits = :name LIMIT 1

-- name: delete
DELETE FROM steps WHERE job_id = :job_id AND number = :number
