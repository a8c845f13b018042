-- oldest: 1
-- Until when a run may begin, so that one that cannot is found without anybody claiming it. Null where any time
-- will do, and for a feature that has begun.

ALTER TABLE runs ADD COLUMN expires_at INTEGER;
UPDATE runs SET expires_at = json_extract(CAST(spec AS TEXT), '$.expires_at_ms')
WHERE instr(CAST(spec AS TEXT), '"expires_at_ms":') AND NOT (kind = 'feature' AND first_started_at IS NOT NULL);

CREATE INDEX runs_expiring ON runs (expires_at)
WHERE expires_at IS NOT NULL AND state <> 'running';
