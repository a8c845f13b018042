-- name: all
SELECT name, paused, concurrency, rate_limit, rate_ms, starts FROM ductape.queues ORDER BY name

-- name: hold
-- One worker counts a limited queue at a time. Taken last of all that a turn holds.
SELECT name, paused, concurrency, rate_limit, rate_ms, starts FROM ductape.queues
WHERE name = ANY(%(names)s) ORDER BY name FOR UPDATE

-- name: pause
INSERT INTO ductape.queues AS q (name, paused) VALUES (%(name)s, %(paused)s)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused WHERE q.paused <> excluded.paused

-- name: resume
UPDATE ductape.queues SET paused = false WHERE name = %(name)s AND paused

-- name: limit
INSERT INTO ductape.queues (name, concurrency) VALUES (%(name)s, %(concurrency)s)
ON CONFLICT (name) DO UPDATE SET concurrency = excluded.concurrency

-- name: rate
INSERT INTO ductape.queues (name, rate_limit, rate_ms) VALUES (%(name)s, %(rate_limit)s, %(rate_ms)s)
ON CONFLICT (name) DO UPDATE SET rate_limit = excluded.rate_limit, rate_ms = excluded.rate_ms

-- name: start
UPDATE ductape.queues SET starts = %(starts)s WHERE name = %(name)s
