-- name: put
INSERT INTO ductape.signals (job_id, number, name, place, data, sent_at)
SELECT %(job_id)s, %(number)s, %(name)s, coalesce(max(place), 0) + 1, %(data)s, %(now)s FROM ductape.signals
WHERE job_id = %(job_id)s AND number = %(number)s AND name = %(name)s

-- name: first
SELECT place, data FROM ductape.signals
WHERE job_id = %(job_id)s AND number = %(number)s AND name = %(name)s ORDER BY place LIMIT 1

-- name: first_in_time
-- What came when the wait was over already is left to another one.
SELECT place, data FROM ductape.signals
WHERE job_id = %(job_id)s AND number = %(number)s AND name = %(name)s
    AND (%(before)s::bigint IS NULL OR sent_at < %(before)s)
ORDER BY place LIMIT 1

-- name: take
DELETE FROM ductape.signals
WHERE job_id = %(job_id)s AND number = %(number)s AND name = %(name)s AND place = %(place)s

-- name: heard
-- Whether a signal has come that one of the run's steps waits for: while it undoes, one of what undoes.
SELECT 1 FROM ductape.steps AS w JOIN ductape.signals AS s
    ON s.job_id = w.job_id AND s.number = w.number AND s.name = w.awaits
WHERE w.job_id = %(job_id)s AND w.number = %(number)s AND w.state = 'waiting'
    AND (NOT %(undoing)s OR w.path LIKE '%%~rollback/%%') LIMIT 1

-- name: delete
DELETE FROM ductape.signals USING unnest(%(jobs)s::text[], %(numbers)s::integer[]) AS gone (id, n)
WHERE job_id = gone.id AND number = gone.n
