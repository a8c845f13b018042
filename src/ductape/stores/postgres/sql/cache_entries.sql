-- name: lock
-- In one order for everybody. Taken before any run or schedule is touched.
INSERT INTO ductape.cache_locks (key, used_at)
SELECT key, %(now)s FROM unnest(%(keys)s::bytea[]) AS key ORDER BY key
ON CONFLICT (key) DO UPDATE SET used_at = excluded.used_at

-- name: put
INSERT INTO ductape.cache_entries (key, product, tag, event, kind, result, created_at, expires_at)
VALUES (%(key)s, %(product)s, %(tag)s, %(event)s, %(kind)s, %(result)s, %(now)s, %(expires_at)s)
ON CONFLICT (key) DO UPDATE SET result = excluded.result, created_at = excluded.created_at,
    expires_at = excluded.expires_at

-- name: fresh
SELECT result FROM ductape.cache_entries WHERE key = %(key)s AND expires_at > %(now)s

-- name: values
SELECT product, tag, event, kind, result, created_at, expires_at FROM ductape.cache_entries
WHERE product = %(product)s AND tag = %(tag)s AND expires_at > %(now)s
    AND (%(event)s::text IS NULL OR event = %(event)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    AND (%(until)s::bigint IS NULL OR expires_at >= %(until)s)
ORDER BY created_at DESC, key

-- name: clear
-- In the order in which a turn stores what it has of them; chosen first, or all keys would be gone through.
WITH chosen AS MATERIALIZED (
    SELECT key FROM ductape.cache_entries WHERE product = %(product)s AND tag = %(tag)s
        AND (%(event)s::text IS NULL OR event = %(event)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
        AND (%(until)s::bigint IS NULL OR expires_at >= %(until)s))
DELETE FROM ductape.cache_entries WHERE key = ANY(ARRAY(
    SELECT held.key FROM (SELECT key FROM chosen ORDER BY key) AS asked
    CROSS JOIN LATERAL (
        SELECT key FROM ductape.cache_entries WHERE cache_entries.key = asked.key LIMIT 1 FOR UPDATE) AS held))

-- name: prune
DELETE FROM ductape.cache_entries WHERE key = ANY(ARRAY(
    SELECT key FROM ductape.cache_entries WHERE expires_at < %(now)s
    ORDER BY expires_at LIMIT %(most)s FOR UPDATE SKIP LOCKED))

-- name: prune_locks
DELETE FROM ductape.cache_locks WHERE key = ANY(ARRAY(
    SELECT key FROM ductape.cache_locks WHERE used_at < %(idle_since)s LIMIT %(most)s FOR UPDATE SKIP LOCKED))
