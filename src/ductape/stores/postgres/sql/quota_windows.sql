-- name: uses
SELECT uses FROM ductape.quota_windows
WHERE product = %(product)s AND env = %(env)s AND quota = %(quota)s AND subject = %(subject)s

-- name: hold
SELECT uses FROM ductape.quota_windows
WHERE product = %(product)s AND env = %(env)s AND quota = %(quota)s AND subject = %(subject)s
FOR UPDATE

-- name: begin
-- Whoever is second waits for the first, and is given what it left.
INSERT INTO ductape.quota_windows AS q (product, env, quota, subject, uses, expires_at)
VALUES (%(product)s, %(env)s, %(quota)s, %(subject)s, '[]', %(now)s)
ON CONFLICT (product, env, quota, subject) DO UPDATE SET expires_at = greatest(q.expires_at, %(now)s)
RETURNING uses

-- name: change
UPDATE ductape.quota_windows SET uses = %(uses)s, expires_at = %(expires_at)s
WHERE product = %(product)s AND env = %(env)s AND quota = %(quota)s AND subject = %(subject)s

-- name: forget
DELETE FROM ductape.quota_windows
WHERE product = %(product)s AND env = %(env)s AND quota = %(quota)s AND subject = %(subject)s

-- name: prune
DELETE FROM ductape.quota_windows WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM ductape.quota_windows WHERE expires_at < %(now)s
    ORDER BY expires_at LIMIT %(most)s FOR UPDATE SKIP LOCKED))
