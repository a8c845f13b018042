-- The rules of `ports.stores.checking`: each returns the jobs that break it.

-- name: two_live_runs
SELECT job_id FROM ductape.runs GROUP BY job_id HAVING count(*) > 1 LIMIT %(most)s

-- name: live_and_ended
SELECT r.job_id FROM ductape.runs AS r
WHERE EXISTS (SELECT 1 FROM ductape.history AS h WHERE h.job_id = r.job_id AND h.number = r.number)
LIMIT %(most)s

-- name: no_live_run
SELECT job_id FROM ductape.schedules AS s WHERE state = 'active' AND fault IS NULL
    AND NOT EXISTS (SELECT 1 FROM ductape.runs AS r WHERE r.job_id = s.job_id)
LIMIT %(most)s

-- name: no_recurrence
SELECT job_id FROM ductape.runs AS r WHERE recurring
    AND NOT EXISTS (SELECT 1 FROM ductape.schedules AS s WHERE s.job_id = r.job_id)
LIMIT %(most)s

-- name: in_no_hands
SELECT job_id FROM ductape.runs WHERE state = 'running' AND (worker IS NULL OR deadline_at IS NULL)
LIMIT %(most)s

-- name: key_of_nobody
SELECT job_id FROM ductape.job_keys AS k
WHERE NOT EXISTS (SELECT 1 FROM ductape.runs AS r WHERE r.job_id = k.job_id)
    AND NOT EXISTS (SELECT 1 FROM ductape.schedules AS s WHERE s.job_id = k.job_id)
    AND NOT EXISTS (SELECT 1 FROM ductape.history AS h WHERE h.job_id = k.job_id)
LIMIT %(most)s
