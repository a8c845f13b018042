-- name: get
SELECT state, failures, until_at FROM breakers
WHERE product = :product AND env = :env AND owner = :owner AND provider = :provider

-- name: put
INSERT INTO breakers (product, env, owner, provider, state, failures, until_at, changed_at)
VALUES (:product, :env, :owner, :provider, :state, :failures, :until, :now)
ON CONFLICT (product, env, owner, provider) DO UPDATE SET state = excluded.state,
    failures = excluded.failures, until_at = excluded.until_at, changed_at = excluded.changed_at

-- name: forget
DELETE FROM breakers
WHERE product = :product AND env = :env AND owner = :owner AND provider = :provider AND state <> 'open'

-- name: prune
DELETE FROM breakers WHERE (product, env, owner, provider) IN (
    SELECT product, env, owner, provider FROM breakers INDEXED BY breakers_age
    WHERE changed_at < :failed_before LIMIT :most)
