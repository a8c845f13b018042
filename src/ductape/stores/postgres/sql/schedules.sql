-- name: insert
-- In one order for everybody: whoever is storing the twin of one at this moment is waited for, and then that
-- one is not stored.
INSERT INTO ductape.schedules (job_id, state, version, product, env, event, kind, queue, anchor_at, watermark,
    next_number, occurrences, executions, failed, extras, fault, reason, twin, job_key, session_tag,
    session_user_id, metadata, spec, updated_at)
SELECT * FROM unnest(%(job_id)b::text[], %(state)b::text[], %(version)b::integer[], %(product)b::text[],
    %(env)b::text[], %(event)b::text[], %(kind)b::text[], %(queue)b::text[], %(anchor_at)b::bigint[],
    %(watermark)b::bigint[], %(next_number)b::integer[], %(occurrences)b::integer[],
    %(executions)b::integer[], %(failed)b::integer[], %(extras)b::integer[], %(fault)b::text[],
    %(reason)b::text[], %(twin)b::bytea[], %(job_key)b::text[], %(session_tag)b::text[],
    %(session_user_id)b::text[], %(metadata)b::text[], %(spec)b::bytea[], %(now)b::bigint[])
    AS new (job_id, state, version, product, env, event, kind, queue, anchor_at, watermark, next_number,
        occurrences, executions, failed, extras, fault, reason, twin, job_key, session_tag, session_user_id,
        metadata, spec, updated_at)
ORDER BY twin
ON CONFLICT (twin) WHERE twin IS NOT NULL AND state IN ('active', 'paused') DO NOTHING
RETURNING job_id

-- name: update
UPDATE ductape.schedules SET state = %(state)s, version = %(version)s, queue = %(queue)s,
    anchor_at = %(anchor_at)s, watermark = %(watermark)s, next_number = %(next_number)s,
    occurrences = %(occurrences)s, executions = %(executions)s, failed = %(failed)s, extras = %(extras)s,
    fault = %(fault)s, reason = %(reason)s, session_tag = %(session_tag)s,
    session_user_id = %(session_user_id)s, metadata = %(metadata)s, spec = %(spec)s, updated_at = %(now)s
WHERE job_id = %(job_id)s AND version = %(version)s - 1

-- name: update_all
UPDATE ductape.schedules AS s SET state = m.state, version = m.version, queue = m.queue,
    anchor_at = m.anchor_at, watermark = m.watermark, next_number = m.next_number,
    occurrences = m.occurrences, executions = m.executions, failed = m.failed, extras = m.extras,
    fault = m.fault, reason = m.reason, session_tag = m.session_tag, session_user_id = m.session_user_id,
    metadata = m.metadata, spec = m.spec, updated_at = m.now
FROM unnest(%(job_id)b::text[], %(state)b::text[], %(version)b::integer[], %(queue)b::text[],
    %(anchor_at)b::bigint[], %(watermark)b::bigint[], %(next_number)b::integer[], %(occurrences)b::integer[],
    %(executions)b::integer[], %(failed)b::integer[], %(extras)b::integer[], %(fault)b::text[],
    %(reason)b::text[], %(session_tag)b::text[], %(session_user_id)b::text[], %(metadata)b::text[], %(spec)b::bytea[],
    %(now)b::bigint[])
    AS m (job_id, state, version, queue, anchor_at, watermark, next_number, occurrences, executions, failed,
        extras, fault, reason, session_tag, session_user_id, metadata, spec, now)
WHERE s.job_id = m.job_id AND s.version = m.version - 1

-- name: lock
-- Taken before the runs of a recurring job are touched, by everybody, and in one order.
SELECT job_id, version FROM ductape.schedules WHERE job_id = ANY(%(jobs)s) ORDER BY job_id FOR UPDATE

-- name: get
SELECT {schedule_columns}, updated_at FROM ductape.schedules WHERE job_id = ANY(%(jobs)s)

-- name: twins
SELECT twin, job_id FROM ductape.schedules
WHERE twin = ANY(%(twins)b::bytea[]) AND state IN ('active', 'paused')

-- name: orphans
SELECT {schedule_columns} FROM ductape.schedules AS s
WHERE state = 'active' AND fault IS NULL
    AND NOT EXISTS (SELECT 1 FROM ductape.runs WHERE runs.job_id = s.job_id)
LIMIT %(most)s

-- name: prunable
-- Those that are kept no longer; of `jobs` alone, where they are named. Each look is bounded by LIMIT: EXISTS
-- might be hashed, and all of history read for it.
SELECT s.job_id FROM ductape.schedules AS s
WHERE s.state IN ('completed', 'failed', 'cancelled') AND s.updated_at < %(latest_before)s
    AND s.updated_at < coalesce(
        (SELECT other.before FROM unnest(%(others)s::text[], %(others_before)s::bigint[])
            AS other (product, before) WHERE other.product = s.product), %(failed_before)s)
    AND (%(jobs)s::text[] IS NULL OR s.job_id = ANY(%(jobs)s))
    AND (SELECT 1 FROM ductape.runs WHERE runs.job_id = s.job_id LIMIT 1) IS NULL
    AND (SELECT 1 FROM ductape.history WHERE history.job_id = s.job_id LIMIT 1) IS NULL
ORDER BY s.updated_at LIMIT %(most)s

-- name: prune
-- What somebody holds is about to be opened anew: it is left, and not waited for.
DELETE FROM ductape.schedules WHERE job_id = ANY(ARRAY({prunable} FOR UPDATE OF s SKIP LOCKED))
RETURNING job_id
