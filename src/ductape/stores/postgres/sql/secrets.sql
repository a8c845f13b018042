-- Sealed secrets, and the check values of encryption keys.

-- name: put
INSERT INTO ductape.secrets (product, env, name, sealed, updated_at)
VALUES (%(product)s, %(env)s, %(name)s, %(sealed)s, %(now)s)
ON CONFLICT (product, env, name) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at

-- name: get
SELECT sealed FROM ductape.secrets WHERE product = %(product)s AND env = %(env)s AND name = %(name)s

-- name: names
SELECT env, name FROM ductape.secrets WHERE product = %(product)s ORDER BY name, env

-- name: delete
DELETE FROM ductape.secrets WHERE product = %(product)s AND env = %(env)s AND name = %(name)s

-- name: key_checks
SELECT key_id, sealed FROM ductape.key_checks ORDER BY number DESC

-- name: put_key_check
INSERT INTO ductape.key_checks (key_id, sealed, first_seen) VALUES (%(key_id)s, %(sealed)s, %(now)s)
ON CONFLICT (key_id) DO NOTHING
