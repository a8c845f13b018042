-- name: holder
SELECT job_id, digest, event, recurring FROM job_keys WHERE product = :product AND env = :env AND key = :key

-- name: take
INSERT INTO job_keys (product, env, key, job_id, digest, event, recurring)
VALUES (:product, :env, :key, :job_id, :digest, :event, :recurring)
ON CONFLICT (product, env, key) DO UPDATE SET digest = excluded.digest

-- name: free
DELETE FROM job_keys WHERE job_id = :job_id
    AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.job_id = :job_id)
    AND NOT EXISTS (SELECT 1 FROM schedules WHERE schedules.job_id = :job_id)
    AND NOT EXISTS (SELECT 1 FROM history WHERE history.job_id = :job_id)
