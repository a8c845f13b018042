-- oldest: 1
-- Until when a run may begin, so that one that cannot is found without anybody claiming it. Null where any time
-- will do, and for a feature that has begun.

ALTER TABLE ductape.runs ADD COLUMN expires_at bigint;
UPDATE ductape.runs SET expires_at = (convert_from(spec, 'UTF8')::json ->> 'expires_at_ms')::bigint
WHERE position('"expires_at_ms":'::bytea IN spec) > 0 AND NOT (kind = 'feature' AND first_started_at IS NOT NULL)
    AND position('\\u0000'::bytea IN spec) = 0;  -- no text holds one: such a run is looked at when it is claimed

CREATE INDEX runs_expiring ON ductape.runs (expires_at)
    WHERE expires_at IS NOT NULL AND state <> 'running';
