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
    :scheduled_at, first_started_at, :completed_at, :failures, job_key, session_tag, session_user, metadata,
    spec, :attempts, :result, :error, coalesce(:progress, progress)
FROM runs WHERE job_id = :job_id AND number = :number AND fence = :fence

-- name: end_many
-- Does for many runs what `end` does for one; of those whose fence does not hold it leaves out.
INSERT INTO history (job_id, number, outcome, head, product, env, event, kind, queue, extra, cached,
    scheduled_at, started_at, completed_at, failures, job_key, session_tag, session_user, metadata, spec,
    attempts, result, error, progress)
SELECT r.job_id, r.number, e.column4, NOT r.recurring, r.product, r.env, r.event, r.kind, r.queue, r.extra,
    e.column5, e.column12, r.first_started_at, e.column6, e.column7, r.job_key, r.session_tag,
    r.session_user, r.metadata, r.spec, e.column8, e.column9, e.column10, coalesce(e.column11, r.progress)
FROM (VALUES {rows of 12}) AS e
CROSS JOIN runs AS r ON r.job_id = e.column1 AND r.number = e.column2 AND r.fence = e.column3

-- name: supersede
UPDATE history SET head = 0 WHERE job_id = :job_id AND number = :number AND head = 1

-- name: latest
SELECT {finished_columns} FROM history WHERE job_id = :job_id ORDER BY number DESC LIMIT 1

-- name: newest
SELECT {finished_columns} FROM history WHERE job_id = :job_id ORDER BY number DESC LIMIT :most

-- name: cancelled
SELECT count(*) FROM history
WHERE job_id = :job_id AND outcome = 'cancelled' AND started_at IS NOT NULL

-- name: one
SELECT {finished_columns} FROM history WHERE job_id = :job_id AND number = :number

-- name: oldest
-- Of each product the oldest run with an outcome: two seeks in the index, whatever there is.
WITH RECURSIVE looked_at (product) AS (
    SELECT min(product) FROM history INDEXED BY history_age WHERE outcome = :outcome
    UNION ALL
    SELECT (SELECT min(product) FROM history INDEXED BY history_age
            WHERE outcome = :outcome AND history.product > looked_at.product)
    FROM looked_at WHERE looked_at.product IS NOT NULL)
SELECT product, (SELECT min(completed_at) FROM history INDEXED BY history_age
                 WHERE outcome = :outcome AND history.product = looked_at.product)
FROM looked_at WHERE product IS NOT NULL

-- name: old
SELECT job_id, number, length(spec) + length(attempts) + coalesce(length(result), 0)
FROM history INDEXED BY history_age
WHERE outcome = :outcome AND product = :product AND completed_at < :ended_before
ORDER BY completed_at LIMIT :most

-- name: delete
DELETE FROM history WHERE job_id = :job_id AND number = :number
