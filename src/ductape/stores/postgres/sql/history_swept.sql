-- name: all
SELECT day, rule, after_job, after_number FROM ductape.history_swept

-- name: look
-- Of the next `looked_at` runs of a day: those to go, `most` at most, and the last of all, from which to
-- go on. {from}, {until}: as literals they tell which partition it is.
SELECT job_id, number, completed_at, job_key IS NOT NULL, due, place FROM (
    SELECT *, row_number() OVER so_far AS place, count(*) FILTER (WHERE due) OVER so_far AS dues
    FROM (
        SELECT job_id, number, completed_at, job_key, (product = ANY(%(products)s)) = %(only)s::boolean AS due
        FROM ductape.{share}
        WHERE completed_at >= {from} AND completed_at < {until}
            AND (job_id, number) > (%(after)s, %(after_number)s::integer)
        ORDER BY job_id, number LIMIT %(looked_at)s) AS page
    WINDOW so_far AS (ORDER BY job_id, number)) AS counted
WHERE dues <= %(most)s AND (due OR place = %(looked_at)s)
ORDER BY job_id, number

-- name: delete
DELETE FROM ductape.{share} AS h
USING unnest(%(jobs)s::text[], %(numbers)s::integer[], %(ends)s::bigint[]) AS gone (id, n, ended)
WHERE h.job_id = gone.id AND h.number = gone.n AND h.completed_at = gone.ended
    AND h.completed_at >= {from} AND h.completed_at < {until}

-- name: note
INSERT INTO ductape.history_swept (day, rule, after_job, after_number)
VALUES ('{day}', %(rule)s, %(after)s, %(after_number)s)
ON CONFLICT (day) DO UPDATE
SET rule = excluded.rule, after_job = excluded.after_job, after_number = excluded.after_number

-- name: forget
DELETE FROM ductape.history_swept WHERE day = '{day}'
