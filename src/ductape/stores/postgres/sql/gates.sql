-- name: lock
-- In one order for everybody, before all else that a settlement holds.
INSERT INTO ductape.gates (flow, used_at)
SELECT flow, %(now)s FROM unnest(%(flows)s::text[]) AS flow ORDER BY flow
ON CONFLICT (flow) DO UPDATE SET used_at = excluded.used_at

-- name: make
INSERT INTO ductape.gates (flow, used_at)
SELECT flow, %(now)s FROM unnest(%(flows)s::text[]) AS flow ORDER BY flow
ON CONFLICT DO NOTHING

-- name: try
-- A claim waits for nobody: a gate that somebody holds is left to the next turn.
SELECT flow FROM ductape.gates WHERE flow = ANY(%(flows)s) ORDER BY flow FOR UPDATE SKIP LOCKED

-- name: prune
DELETE FROM ductape.gates WHERE flow = ANY(ARRAY(
    SELECT flow FROM ductape.gates WHERE used_at < %(idle_since)s LIMIT %(most)s FOR UPDATE SKIP LOCKED))
