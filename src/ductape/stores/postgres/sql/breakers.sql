-- name: get
SELECT state, failures, until_at FROM ductape.breakers
WHERE product = %(product)s AND env = %(env)s AND owner = %(owner)s AND provider = %(provider)s

-- name: hold
-- Whoever is second waits for the first, and is given what it left.
INSERT INTO ductape.breakers AS b
    (product, env, owner, provider, state, failures, until_at, changed_at)
VALUES (%(product)s, %(env)s, %(owner)s, %(provider)s, 'closed', 0, 0, %(now)s)
ON CONFLICT (product, env, owner, provider) DO UPDATE SET changed_at = b.changed_at
RETURNING state, failures, until_at

-- name: change
UPDATE ductape.breakers
SET state = %(state)s, failures = %(failures)s, until_at = %(until)s, changed_at = %(now)s
WHERE product = %(product)s AND env = %(env)s AND owner = %(owner)s AND provider = %(provider)s

-- name: forget
DELETE FROM ductape.breakers
WHERE product = %(product)s AND env = %(env)s AND owner = %(owner)s AND provider = %(provider)s
    AND state <> 'open'

-- name: prune
DELETE FROM ductape.breakers WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM ductape.breakers WHERE changed_at < %(failed_before)s
    ORDER BY changed_at LIMIT %(most)s FOR UPDATE SKIP LOCKED))
