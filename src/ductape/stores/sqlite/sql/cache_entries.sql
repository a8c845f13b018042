-- name: put
INSERT INTO cache_entries (key, product, tag, event, kind, result, created_at, expires_at)
VALUES (:key, :product, :tag, :event, :kind, :result, :now, :expires_at)
ON CONFLICT (key) DO UPDATE SET result = excluded.result, created_at = excluded.created_at,
    expires_at = excluded.expires_at

-- name: fresh
SELECT result FROM cache_entries WHERE key = :key AND expires_at > :now

-- name: values
SELECT product, tag, event, kind, result, created_at, expires_at FROM cache_entries
WHERE product = :product AND tag = :tag AND expires_at > :now
    AND (:event IS NULL OR event = :event) AND (:kind IS NULL OR kind = :kind)
    AND (:until IS NULL OR expires_at >= :until)
ORDER BY created_at DESC

-- name: clear
DELETE FROM cache_entries WHERE product = :product AND tag = :tag
    AND (:event IS NULL OR event = :event) AND (:kind IS NULL OR kind = :kind)
    AND (:until IS NULL OR expires_at >= :until)

-- name: prune
DELETE FROM cache_entries WHERE key IN (
    SELECT key FROM cache_entries INDEXED BY cache_entries_age WHERE expires_at < :now LIMIT :most)
