-- Session families and the users seen. No token stands here: `sealed` is opaque.

-- name: put
INSERT INTO sessions (
    session_id, product, env, tag, user, created_at, expires_at, revoked, generation, rotated_at, sealed
) VALUES (
    :session_id, :product, :env, :tag, :user, :created_at, :expires_at, :revoked, :generation,
    :rotated_at, :sealed
)
ON CONFLICT (session_id) DO NOTHING;

-- name: count_user
INSERT INTO session_users (product, env, tag, identifier, first_seen, last_seen, count)
VALUES (:product, :env, :tag, :user, :now, :now, 1)
ON CONFLICT (product, env, tag, identifier) DO UPDATE
SET last_seen = max(last_seen, excluded.last_seen), count = count + 1;

-- name: get
SELECT session_id, product, env, tag, user, created_at, expires_at, revoked, generation, rotated_at, sealed
FROM sessions
WHERE session_id = :session_id;

-- name: rotate
UPDATE sessions
SET expires_at = :expires_at, generation = :generation, rotated_at = :rotated_at, sealed = :sealed
WHERE session_id = :session_id AND generation = :from_generation AND revoked = 0;

-- name: see_user
UPDATE session_users
SET last_seen = max(last_seen, coalesce(:rotated_at, last_seen))
WHERE product = :product AND env = :env AND tag = :tag AND identifier = :user;

-- name: revoke
UPDATE sessions SET revoked = 1 WHERE session_id = :session_id;

-- name: count_users
SELECT count(DISTINCT identifier)
FROM session_users
WHERE product = :product AND tag = :tag AND (:env IS NULL OR env = :env);

-- name: users
SELECT identifier, min(first_seen), max(last_seen) AS seen, sum(count)
FROM session_users
WHERE product = :product AND tag = :tag AND (:env IS NULL OR env = :env)
GROUP BY identifier
ORDER BY seen DESC, identifier
LIMIT :limit OFFSET :offset;

-- name: prune
-- One that was revoked is kept while a job of its user may still come to it.
DELETE FROM sessions WHERE session_id IN (
    SELECT session_id FROM sessions AS s INDEXED BY sessions_age
    WHERE expires_at < :earliest_before AND (revoked = 0 OR NOT (
        EXISTS (SELECT 1 FROM runs WHERE session_tag = s.tag AND session_user IS s.user)
        OR EXISTS (SELECT 1 FROM schedules WHERE session_tag = s.tag AND session_user IS s.user
            AND state IN ('active', 'paused'))))
    ORDER BY expires_at LIMIT :most)
