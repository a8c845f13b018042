-- name: lock
-- In one order for everybody, before all else that a settlement holds.
INSERT INTO ductape.gates (flow, used_at)
SELECT flow, %(now)s FROM unnest(%(flows)s::text[]) AS flow ORDER BY flow
ON CONFLICT (flow) DO UPDATE SET used_at = excluded.used_at

-- name: hurry
SELECT set_config('lock_timeout', %(patience)s, true)

-- name: make
-- What is there is left alone: a gate in somebody's hands would be waited for.
INSERT INTO ductape.gates (flow, used_at)
SELECT flow, %(now)s FROM unnest(%(flows)s::text[]) AS asked (flow)
WHERE NOT EXISTS (SELECT FROM ductape.gates WHERE gates.flow = asked.flow) ORDER BY flow
ON CONFLICT DO NOTHING

-- name: try
-- A claim waits for nobody: a gate that somebody holds is left to the next turn, and not told of.
WITH held AS (
    SELECT flow FROM ductape.gates WHERE flow = ANY(%(flows)s) ORDER BY flow FOR UPDATE SKIP LOCKED)
SELECT flow, true FROM held
UNION ALL
SELECT flow, false FROM unnest(%(flows)s::text[]) AS asked (flow)
WHERE NOT EXISTS (SELECT FROM ductape.gates WHERE gates.flow = asked.flow)

-- name: prune
DELETE FROM ductape.gates WHERE flow = ANY(ARRAY(
    SELECT flow FROM ductape.gates WHERE used_at < %(idle_since)s LIMIT %(most)s FOR UPDATE SKIP LOCKED))
