-- name: lock
-- In one order for everybody. Taken before any run or schedule is touched. The array is sent in binary: as
-- text a hundred keys take the client 4 ms.
INSERT INTO ductape.cache_locks (key, used_at)
SELECT key, %(now)s FROM unnest(%(keys)b::bytea[]) AS key ORDER BY key
ON CONFLICT (key) DO UPDATE SET used_at = excluded.used_at

-- name: put
-- In the order in which whoever clears a cache takes them.
INSERT INTO ductape.cache_entries (key, product, tag, event, kind, result, created_at, expires_at)
SELECT key, product, tag, event, kind, result, %(now)s, expires_at
FROM unnest(%(key)b::bytea[], %(product)b::text[], %(tag)b::text[], %(event)b::text[], %(kind)b::text[],
    %(result)b::bytea[], %(expires_at)b::bigint[])
    AS left_now (key, product, tag, event, kind, result, expires_at) ORDER BY key
ON CONFLICT (key) DO UPDATE SET result = excluded.result, created_at = excluded.created_at,
    expires_at = excluded.expires_at

-- name: fresh
SELECT result FROM ductape.cache_entries WHERE key = %(key)s AND expires_at > %(now)s

-- name: fresh_all
-- Found by the key, then looked at whether it is fresh: not by its age, of which statistics may be old.
SELECT kept.key, kept.result FROM unnest(%(keys)b::bytea[]) AS asked (key)
CROSS JOIN LATERAL (
    SELECT key, result, expires_at FROM ductape.cache_entries WHERE cache_entries.key = asked.key LIMIT 1) AS kept
WHERE kept.expires_at > %(now)s

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
