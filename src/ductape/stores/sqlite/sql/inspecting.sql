-- What `ductape doctor` asks: each statement reads an index, and no more of it than its bound.

-- name: next_head
-- The first run of the next group, as the first of three seeks finds it: a comparison of rows at once
-- would go through all that is left of this group.
SELECT * FROM (
    SELECT rank, flow, needs, due_at FROM runs INDEXED BY runs_claim
    WHERE state = 'queued' AND losses = 0 AND queue = :queue AND rank = :rank AND flow = :flow AND needs > :needs
    ORDER BY needs, due_at LIMIT 1) AS looked_at
UNION ALL SELECT * FROM (
    SELECT rank, flow, needs, due_at FROM runs INDEXED BY runs_claim
    WHERE state = 'queued' AND losses = 0 AND queue = :queue AND rank = :rank AND flow > :flow
    ORDER BY flow, needs, due_at LIMIT 1) AS looked_at
UNION ALL SELECT * FROM (
    SELECT rank, flow, needs, due_at FROM runs INDEXED BY runs_claim
    WHERE state = 'queued' AND losses = 0 AND queue = :queue AND rank > :rank
    ORDER BY rank, flow, needs, due_at LIMIT 1) AS looked_at
LIMIT 1

-- name: group
SELECT count(*), min(job_id) FROM (
    SELECT job_id FROM runs INDEXED BY runs_claim
    WHERE state = 'queued' AND losses = 0 AND queue = :queue AND rank = :rank AND flow = :flow
        AND needs = :needs LIMIT :most) AS looked_at

-- name: suspect
SELECT needs, count(*), min(due_at), min(job_id) FROM (
    SELECT needs, due_at, job_id FROM runs INDEXED BY runs_suspect
    WHERE state = 'queued' AND losses > 0 AND queue = :queue LIMIT :most) AS looked_at
GROUP BY needs

-- name: overdue
-- Due, and not yet promoted: where no worker is live nobody does it.
SELECT queue, needs, count(*), min(due_at), min(job_id) FROM (
    SELECT queue, needs, due_at, job_id FROM runs INDEXED BY runs_later
    WHERE state = 'scheduled' AND due_at <= :now ORDER BY due_at LIMIT :most) AS looked_at
GROUP BY queue, needs

-- name: paused
SELECT name FROM queues WHERE paused

-- name: quarantined
SELECT job_id, event, fault FROM schedules INDEXED BY schedules_faulty
WHERE fault IS NOT NULL AND state IN ('active', 'paused') ORDER BY job_id LIMIT :most
