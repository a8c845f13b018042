-- name: holders
-- One by one by the index, however many keys a product has: LIMIT leaves no other way to join.
SELECT k.job_id, k.digest, k.event, k.recurring, asked.product, asked.env, asked.name
FROM unnest(%(products)b::text[], %(envs)b::text[], %(names)b::text[]) AS asked (product, env, name)
CROSS JOIN LATERAL (
    SELECT job_id, digest, event, recurring FROM ductape.job_keys
    WHERE job_keys.product = asked.product AND job_keys.env = asked.env AND job_keys.key = asked.name LIMIT 1
) AS k

-- name: take_all
-- In one order for everybody: whoever takes some of the same keys waits for them, and not in a circle.
INSERT INTO ductape.job_keys (product, env, key, job_id, digest, event, recurring)
SELECT product, env, key, job_id, digest, event, recurring
FROM unnest(%(product)b::text[], %(env)b::text[], %(key)b::text[], %(job_id)b::text[], %(digest)b::bytea[],
    %(event)b::text[], %(recurring)b::boolean[])
    WITH ORDINALITY AS asked (product, env, key, job_id, digest, event, recurring, place)
ORDER BY product COLLATE "C", env COLLATE "C", key COLLATE "C", place
ON CONFLICT (product, env, key) DO NOTHING
RETURNING job_id

-- name: hold_all
-- In the same order, as the index has them, however many a product has: LIMIT leaves no other way to join.
SELECT k.job_id, k.digest, k.event, k.recurring, asked.product, asked.env, asked.key
FROM (
    SELECT * FROM unnest(%(product)b::text[], %(env)b::text[], %(key)b::text[]) AS given (product, env, key)
    ORDER BY product COLLATE "C", env COLLATE "C", key COLLATE "C"
) AS asked
CROSS JOIN LATERAL (
    SELECT job_id, digest, event, recurring FROM ductape.job_keys
    WHERE job_keys.product = asked.product AND job_keys.env = asked.env AND job_keys.key = asked.key
    LIMIT 1 FOR UPDATE
) AS k

-- name: redefine
UPDATE ductape.job_keys AS k SET digest = given.digest
FROM unnest(%(product)b::text[], %(env)b::text[], %(key)b::text[], %(digest)b::bytea[])
    AS given (product, env, name, digest)
WHERE k.product = given.product AND k.env = given.env AND k.key = given.name

-- name: take_over
UPDATE ductape.job_keys
SET job_id = %(job_id)s, digest = %(digest)s, event = %(event)s, recurring = %(recurring)s
WHERE product = %(product)s AND env = %(env)s AND key = %(key)s

-- name: hold_of_jobs
SELECT job_id FROM ductape.job_keys WHERE job_id = ANY(%(jobs)s)
ORDER BY product COLLATE "C", env COLLATE "C", key COLLATE "C" FOR UPDATE

-- name: try
-- Holds those that nobody else holds, and answers with the jobs of the others.
WITH held AS MATERIALIZED (
    SELECT product, env, key FROM ductape.job_keys WHERE job_id = ANY(%(jobs)s) FOR UPDATE SKIP LOCKED)
SELECT job_id FROM ductape.job_keys
WHERE job_id = ANY(%(jobs)s) AND (product, env, key) NOT IN (SELECT product, env, key FROM held)

-- name: gone
-- Jobs that are nowhere any more. Each look is bounded by LIMIT, here and below: EXISTS might be hashed, and
-- all that there is read for it.
SELECT id FROM unnest(%(jobs)s::text[]) AS asked (id)
WHERE (SELECT 1 FROM ductape.runs WHERE job_id = asked.id LIMIT 1) IS NULL
    AND (SELECT 1 FROM ductape.schedules WHERE job_id = asked.id LIMIT 1) IS NULL
    AND (SELECT 1 FROM ductape.history
        WHERE job_id = asked.id AND completed_at >= %(ended_from)s LIMIT 1) IS NULL

-- name: free
DELETE FROM ductape.job_keys AS k WHERE job_id = ANY(%(jobs)s)
    AND (SELECT 1 FROM ductape.runs WHERE runs.job_id = k.job_id LIMIT 1) IS NULL
    AND (SELECT 1 FROM ductape.schedules WHERE schedules.job_id = k.job_id LIMIT 1) IS NULL
    AND (SELECT 1 FROM ductape.history WHERE history.job_id = k.job_id LIMIT 1) IS NULL
