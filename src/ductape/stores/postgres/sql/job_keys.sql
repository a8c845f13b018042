-- name: holder
SELECT job_id, digest, event, recurring FROM ductape.job_keys
WHERE product = %(product)s AND env = %(env)s AND key = %(key)s

-- name: holders
-- One by one by the index, however many keys a product has: LIMIT leaves no other way to join.
SELECT k.job_id, k.digest, k.event, k.recurring, asked.env, asked.name
FROM unnest(%(envs)b::text[], %(names)b::text[]) AS asked (env, name)
CROSS JOIN LATERAL (
    SELECT job_id, digest, event, recurring FROM ductape.job_keys
    WHERE product = %(product)s AND job_keys.env = asked.env AND job_keys.key = asked.name LIMIT 1
) AS k

-- name: take
-- Waits for whoever is taking the same key at this moment.
INSERT INTO ductape.job_keys (product, env, key, job_id, digest, event, recurring)
VALUES (%(product)s, %(env)s, %(key)s, %(job_id)s, %(digest)s, %(event)s, %(recurring)s)
ON CONFLICT (product, env, key) DO NOTHING

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

-- name: hold
SELECT job_id, digest, event, recurring FROM ductape.job_keys
WHERE product = %(product)s AND env = %(env)s AND key = %(key)s FOR UPDATE

-- name: redefine
UPDATE ductape.job_keys SET digest = %(digest)s
WHERE product = %(product)s AND env = %(env)s AND key = %(key)s

-- name: free
DELETE FROM ductape.job_keys AS k WHERE k.job_id = ANY(%(jobs)s)
    AND NOT EXISTS (SELECT 1 FROM ductape.runs WHERE runs.job_id = k.job_id)
    AND NOT EXISTS (SELECT 1 FROM ductape.schedules WHERE schedules.job_id = k.job_id)
    AND NOT EXISTS (SELECT 1 FROM ductape.history WHERE history.job_id = k.job_id)
