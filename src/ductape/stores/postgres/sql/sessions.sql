-- Session families and the users seen. No token stands here: `sealed` is opaque.

-- name: put
INSERT INTO ductape.sessions (
    session_id, product, env, tag, user_id, created_at, expires_at, revoked, generation, rotated_at, sealed
) VALUES (
    %(session_id)s, %(product)s, %(env)s, %(tag)s, %(user)s, %(created_at)s, %(expires_at)s, %(revoked)s,
    %(generation)s, %(rotated_at)s, %(sealed)s
)
ON CONFLICT (session_id) DO NOTHING

-- name: count_user
INSERT INTO ductape.session_users (product, env, tag, identifier, first_seen, last_seen, count)
VALUES (%(product)s, %(env)s, %(tag)s, %(user)s, %(now)s, %(now)s, 1)
ON CONFLICT (product, env, tag, identifier) DO UPDATE
SET last_seen = greatest(session_users.last_seen, excluded.last_seen), count = session_users.count + 1

-- name: get
SELECT session_id, product, env, tag, user_id, created_at, expires_at, revoked, generation, rotated_at, sealed
FROM ductape.sessions WHERE session_id = %(session_id)s

-- name: rotate
UPDATE ductape.sessions
SET expires_at = %(expires_at)s, generation = %(generation)s, rotated_at = %(rotated_at)s, sealed = %(sealed)s
WHERE session_id = %(session_id)s AND generation = %(from_generation)s AND NOT revoked

-- name: see_user
UPDATE ductape.session_users
SET last_seen = greatest(last_seen, coalesce(%(rotated_at)s::bigint, last_seen))
WHERE product = %(product)s AND env = %(env)s AND tag = %(tag)s AND identifier = %(user)s

-- name: revoke
UPDATE ductape.sessions SET revoked = true WHERE session_id = %(session_id)s

-- name: count_users
SELECT count(DISTINCT identifier) FROM ductape.session_users
WHERE product = %(product)s AND tag = %(tag)s AND (%(env)s::text IS NULL OR env = %(env)s)

-- name: users
SELECT identifier, min(first_seen), max(last_seen) AS seen, sum(count)::bigint
FROM ductape.session_users
WHERE product = %(product)s AND tag = %(tag)s AND (%(env)s::text IS NULL OR env = %(env)s)
GROUP BY identifier ORDER BY seen DESC, identifier LIMIT %(limit)s OFFSET %(offset)s

-- name: prune
-- One that was revoked is kept while a job of its user may still come to it. Each look is bounded by LIMIT:
-- EXISTS would be hashed, and all that is live read for it.
DELETE FROM ductape.sessions WHERE session_id = ANY(ARRAY(
    SELECT session_id FROM ductape.sessions AS s
    WHERE expires_at < %(earliest_before)s AND (NOT revoked OR CASE WHEN s.user_id IS NULL THEN
        (SELECT 1 FROM ductape.runs WHERE session_tag = s.tag AND session_user_id IS NULL LIMIT 1) IS NULL
        AND (SELECT 1 FROM ductape.schedules WHERE session_tag = s.tag AND session_user_id IS NULL
            AND state IN ('active', 'paused') LIMIT 1) IS NULL
    ELSE
        (SELECT 1 FROM ductape.runs WHERE session_tag = s.tag AND session_user_id = s.user_id LIMIT 1) IS NULL
        AND (SELECT 1 FROM ductape.schedules WHERE session_tag = s.tag AND session_user_id = s.user_id
            AND state IN ('active', 'paused') LIMIT 1) IS NULL
    END)
    ORDER BY expires_at LIMIT %(most)s FOR UPDATE SKIP LOCKED))
