-- name: uses
SELECT uses FROM quota_windows
WHERE product = :product AND env = :env AND quota = :quota AND subject = :subject

-- name: put
INSERT INTO quota_windows (product, env, quota, subject, uses, expires_at)
VALUES (:product, :env, :quota, :subject, :uses, :expires_at)
ON CONFLICT (product, env, quota, subject) DO UPDATE SET
    uses = excluded.uses, expires_at = excluded.expires_at

-- name: forget
DELETE FROM quota_windows
WHERE product = :product AND env = :env AND quota = :quota AND subject = :subject

-- name: prune
DELETE FROM quota_windows WHERE (product, env, quota, subject) IN (
    SELECT product, env, quota, subject FROM quota_windows INDEXED BY quota_windows_age
    WHERE expires_at < :now LIMIT :most)
