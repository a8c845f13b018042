-- Files of large results, and those that nobody points at any more.

-- name: put
INSERT INTO result_files (job_id, number, product, env, storage, name, lingers, tries)
VALUES (:job_id, :number, :product, :env, :storage, :name, :lingers, :tries)
ON CONFLICT (job_id, number) DO UPDATE
SET product = excluded.product, env = excluded.env, storage = excluded.storage, name = excluded.name,
    lingers = excluded.lingers;

-- name: let_go
UPDATE result_files SET due_at = 0 WHERE job_id = :job_id AND number = :number AND due_at IS NULL;

-- name: due
SELECT job_id, number, product, env, storage, name, lingers, tries FROM result_files
WHERE due_at <= :now ORDER BY due_at LIMIT :most;

-- name: put_off
UPDATE result_files SET due_at = :until, lingers = :lingers, tries = :tries
WHERE job_id = :job_id AND number = :number;

-- name: forget
DELETE FROM result_files WHERE job_id = :job_id AND number = :number
