-- name: put
INSERT INTO products (tag, version, document, digest, applied_at)
SELECT :tag, :after + 1, :document, :digest, :now
WHERE :after = (SELECT coalesce(max(version), 0) FROM products WHERE tag = :tag)

-- name: version
SELECT max(version) FROM products WHERE tag = :tag

-- name: current
SELECT tag, version, document, digest, applied_at FROM products
WHERE tag = :tag ORDER BY version DESC LIMIT 1

-- name: at
SELECT tag, version, document, digest, applied_at FROM products
WHERE tag = :tag AND version = :version

-- name: tags
SELECT DISTINCT tag FROM products ORDER BY tag

-- name: mentioning
-- The newest versions that have a word somewhere.
SELECT p.tag, p.version, p.document, p.digest, p.applied_at
FROM (SELECT tag, max(version) AS version FROM products GROUP BY tag) AS looked_at
CROSS JOIN products AS p ON p.tag = looked_at.tag AND p.version = looked_at.version
WHERE instr(p.document, :word) > 0 ORDER BY p.tag

-- name: versions
SELECT tag, version, document, digest, applied_at FROM products
WHERE tag = :tag ORDER BY version DESC
