-- name: columns
SELECT class.relname::text, attribute.attname::text, format_type(attribute.atttypid, NULL),
    attribute.attidentity <> '', array_position(key.indkey::int2[], attribute.attnum)
FROM pg_class AS class
JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
    AND attribute.attnum > 0 AND NOT attribute.attisdropped AND attribute.attgenerated = ''
LEFT JOIN pg_index AS key ON key.indrelid = class.oid AND key.indisprimary
WHERE class.relnamespace = 'ductape'::regnamespace AND class.relkind IN ('r', 'p')
    AND NOT class.relispartition
    AND class.relname !~ '^history_'  -- a day that was taken out and is not dropped yet
ORDER BY class.relname, attribute.attname

-- name: unfinished
SELECT origin FROM ductape.unfinished_copy

-- name: mark
INSERT INTO ductape.unfinished_copy (one, origin, started_at) VALUES (1, %(origin)s, %(now)s)
ON CONFLICT (one) DO UPDATE SET origin = excluded.origin, started_at = excluded.started_at

-- name: unmark
DELETE FROM ductape.unfinished_copy
