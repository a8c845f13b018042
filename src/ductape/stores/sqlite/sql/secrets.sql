-- Sealed secrets, and the check values of encryption keys.

-- name: put
INSERT INTO secrets (product, env, name, sealed, updated_at)
VALUES (:product, :env, :name, :sealed, :now)
ON CONFLICT (product, env, name) DO UPDATE
SET sealed = excluded.sealed, updated_at = excluded.updated_at;

-- name: get
SELECT sealed FROM secrets WHERE product = :product AND env = :env AND name = :name;

-- name: names
SELECT env, name FROM secrets WHERE product = :product ORDER BY name, env;

-- name: delete
DELETE FROM secrets WHERE product = :product AND env = :env AND name = :name;

-- name: key_checks
SELECT key_id, sealed FROM key_checks ORDER BY number DESC;

-- name: put_key_check
INSERT INTO key_checks (key_id, sealed, first_seen)
VALUES (:key_id, :sealed, :now)
ON CONFLICT (key_id) DO NOTHING;
