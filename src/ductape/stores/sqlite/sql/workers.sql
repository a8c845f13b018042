-- name: register
INSERT INTO workers (id, host, pid, queues, concurrency, started_at, knows, lease_until)
VALUES (:id, :host, :pid, :queues, :concurrency, :started_at, :knows, :lease_until)

-- name: announce
INSERT INTO handlers (tag, worker) VALUES (:tag, :worker) ON CONFLICT DO NOTHING

-- name: forget
-- Of several workers that are gone the first keeps the tag, unless a living one has it.
DELETE FROM handlers WHERE worker NOT IN (SELECT id FROM workers)
    AND EXISTS (
        SELECT 1 FROM handlers AS other WHERE other.tag = handlers.tag
            AND (other.worker < handlers.worker OR other.worker IN (SELECT id FROM workers)))

-- name: beat
UPDATE workers SET lease_until = :lease_until WHERE id = :id AND lease_until >= :now

-- name: leave
DELETE FROM workers WHERE id = :id

-- name: live
SELECT id, host, pid, queues, concurrency, started_at, lease_until,
    (SELECT json_group_array(tag) FROM handlers WHERE handlers.worker = workers.id)
FROM workers WHERE lease_until >= :now ORDER BY started_at

-- name: bury
DELETE FROM workers WHERE lease_until < :long_ago

-- name: known
SELECT DISTINCT tag FROM handlers WHERE tag IN (SELECT value FROM json_each(:tags))

-- name: take_duty
INSERT INTO duties (duty, worker, lease_until) VALUES (:duty, :worker, :lease_until)
ON CONFLICT (duty) DO UPDATE SET worker = excluded.worker, lease_until = excluded.lease_until
WHERE duties.lease_until < :now OR duties.worker = excluded.worker
RETURNING 1

-- name: end_leases
-- A worker that is too old for what a migration has made claims nothing more.
DELETE FROM workers WHERE knows < :oldest
