-- name: put
INSERT INTO signals (job_id, number, name, place, data, sent_at)
SELECT :job_id, :number, :name, coalesce(max(place), 0) + 1, :data, :now FROM signals
WHERE job_id = :job_id AND number = :number AND name = :name

-- name: first
SELECT place, data FROM signals
WHERE job_id = :job_id AND number = :number AND name = :name ORDER BY place LIMIT 1

-- name: first_in_time
-- What came when the wait was over already is left to another one.
SELECT place, data FROM signals
WHERE job_id = :job_id AND number = :number AND name = :name AND (:before IS NULL OR sent_at < :before)
ORDER BY place LIMIT 1

-- name: take
DELETE FROM signals WHERE job_id = :job_id AND number = :number AND name = :name AND place = :place

-- name: heard
-- Whether a signal has come that one of the run's steps waits for: while it undoes, one of what undoes.
SELECT 1 FROM steps AS w CROSS JOIN signals AS s
    ON s.job_id = w.job_id AND s.number = w.number AND s.name = w.awaits
WHERE w.job_id = :job_id AND w.number = :number AND w.state = 'waiting'
    AND (NOT :undoing OR w.path LIKE '%~rollback/%') LIMIT 1

-- name: delete
DELETE FROM signals WHERE job_id = :job_id AND number = :number
