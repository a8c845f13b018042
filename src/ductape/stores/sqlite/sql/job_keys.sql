-- name: holder
SELECT job_id, digest, event, recurring FROM job_keys WHERE product = :product AND env = :env AND key = :key

-- name: take
INSERT INTO job_keys (product, env, key, job_id, digest, event, recurring)
VALUES (:product, :env, :key, :job_id, :digest, :event, :recurring)
ON CONFLICT (product, env, key) DO UPDATE SET digest = excluded.digest
