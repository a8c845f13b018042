-- name: columns
SELECT t.name, c.name, upper(c.type), c.pk
FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY t.name, c.name

-- name: unfinished
SELECT origin FROM unfinished_copy

-- name: mark
INSERT INTO unfinished_copy (one, origin, started_at) VALUES (1, :origin, :now)
ON CONFLICT (one) DO UPDATE SET origin = excluded.origin, started_at = excluded.started_at

-- name: unmark
DELETE FROM unfinished_copy
