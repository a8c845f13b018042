-- Files of large results, and those that nobody points at any more.

-- name: put
INSERT INTO ductape.result_files (job_id, number, product, env, storage, name, lingers, tries)
VALUES (%(job_id)s, %(number)s, %(product)s, %(env)s, %(storage)s, %(name)s, %(lingers)s, %(tries)s)
ON CONFLICT (job_id, number) DO UPDATE
SET product = excluded.product, env = excluded.env, storage = excluded.storage, name = excluded.name,
    lingers = excluded.lingers

-- name: let_go
UPDATE ductape.result_files SET due_at = 0
FROM unnest(%(jobs)s::text[], %(numbers)s::integer[]) AS gone (id, n)
WHERE job_id = gone.id AND number = gone.n AND due_at IS NULL

-- name: due
SELECT job_id, number, product, env, storage, name, lingers, tries FROM ductape.result_files
WHERE due_at <= %(now)s ORDER BY due_at LIMIT %(most)s

-- name: put_off
UPDATE ductape.result_files SET due_at = %(until)s, lingers = %(lingers)s, tries = %(tries)s
WHERE job_id = %(job_id)s AND number = %(number)s

-- name: forget
DELETE FROM ductape.result_files WHERE job_id = %(job_id)s AND number = %(number)s
