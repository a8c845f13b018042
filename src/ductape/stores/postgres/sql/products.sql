-- name: put
-- Of two that are first at once one finds the row there; of two at different versions one finds no match.
INSERT INTO ductape.products (tag, version, document, digest, applied_at)
SELECT %(tag)s, %(after)s::integer + 1, %(document)s, %(digest)s, %(now)s
WHERE %(after)s = (SELECT coalesce(max(version), 0) FROM ductape.products WHERE tag = %(tag)s)
ON CONFLICT (tag, version) DO NOTHING

-- name: version
SELECT max(version) FROM ductape.products WHERE tag = %(tag)s

-- name: newest
SELECT tag, max(version) FROM ductape.products WHERE tag = ANY(%(tags)s) GROUP BY tag

-- name: current
SELECT tag, version, document, digest, applied_at FROM ductape.products
WHERE tag = %(tag)s ORDER BY version DESC LIMIT 1

-- name: at
SELECT tag, version, document, digest, applied_at FROM ductape.products
WHERE tag = %(tag)s AND version = %(version)s

-- name: tags
SELECT DISTINCT tag FROM ductape.products ORDER BY tag

-- name: mentioning
-- The newest versions that have a word somewhere.
SELECT p.tag, p.version, p.document, p.digest, p.applied_at
FROM (SELECT tag, max(version) AS version FROM ductape.products GROUP BY tag) AS newest
JOIN ductape.products AS p USING (tag, version)
WHERE position(%(word)s::bytea IN p.document) > 0 ORDER BY p.tag

-- name: versions
SELECT tag, version, document, digest, applied_at FROM ductape.products
WHERE tag = %(tag)s ORDER BY version DESC
