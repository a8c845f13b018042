-- name: all
SELECT name, paused, concurrency, rate_limit, rate_ms, starts FROM queues ORDER BY name

-- name: paused
SELECT paused FROM queues WHERE name = :name

-- name: pause
INSERT INTO queues (name, paused) VALUES (:name, :paused)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused

-- name: limit
INSERT INTO queues (name, concurrency) VALUES (:name, :concurrency)
ON CONFLICT (name) DO UPDATE SET concurrency = excluded.concurrency

-- name: rate
INSERT INTO queues (name, rate_limit, rate_ms) VALUES (:name, :rate_limit, :rate_ms)
ON CONFLICT (name) DO UPDATE SET rate_limit = excluded.rate_limit, rate_ms = excluded.rate_ms

-- name: start
UPDATE queues SET starts = :starts WHERE name = :name
