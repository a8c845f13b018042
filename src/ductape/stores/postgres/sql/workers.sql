-- name: register
INSERT INTO ductape.workers (id, host, pid, queues, concurrency, started_at, knows, lease_until)
VALUES (%(id)s, %(host)s, %(pid)s, %(queues)s, %(concurrency)s, %(started_at)s, %(knows)s, %(lease_until)s)

-- name: announce
INSERT INTO ductape.handlers (tag, worker)
SELECT tag, %(id)s FROM unnest(%(tags)s::text[]) AS tag ORDER BY tag ON CONFLICT DO NOTHING

-- name: forget
-- Of several workers that are gone the first keeps the tag, unless a living one has it.
DELETE FROM ductape.handlers WHERE worker NOT IN (SELECT id FROM ductape.workers)
    AND EXISTS (
        SELECT 1 FROM ductape.handlers AS other WHERE other.tag = handlers.tag
            AND (other.worker < handlers.worker OR other.worker IN (SELECT id FROM ductape.workers)))

-- name: beat
UPDATE ductape.workers SET lease_until = %(lease_until)s WHERE id = %(id)s AND lease_until >= %(now)s

-- name: leave
DELETE FROM ductape.workers WHERE id = %(id)s

-- name: live
SELECT id, host, pid, queues, concurrency, started_at, lease_until,
    ARRAY(SELECT tag FROM ductape.handlers WHERE handlers.worker = workers.id ORDER BY tag)
FROM ductape.workers WHERE lease_until >= %(now)s ORDER BY started_at, id

-- name: bury
DELETE FROM ductape.workers WHERE lease_until < %(long_ago)s

-- name: known
SELECT DISTINCT tag FROM ductape.handlers WHERE tag = ANY(%(tags)s)

-- name: take_duty
INSERT INTO ductape.duties (duty, worker, lease_until) VALUES (%(duty)s, %(worker)s, %(lease_until)s)
ON CONFLICT (duty) DO UPDATE SET worker = excluded.worker, lease_until = excluded.lease_until
WHERE duties.lease_until < %(now)s OR duties.worker = excluded.worker

-- name: end_leases
-- A worker that is too old for what a migration has made claims nothing more.
DELETE FROM ductape.workers WHERE knows < %(oldest)s
