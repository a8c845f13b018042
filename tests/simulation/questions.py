"""What the witness asks of the tables: what must never be so, and what is not at rest.

Each question is SQL that both stores understand; each row of its answer is a sentence.
"""

_TWO_LIVES = """
SELECT 'job ' || job_id || ' has ' || count(*) || ' live runs' FROM runs
GROUP BY job_id HAVING count(*) > 1"""
_DEAD_RECURRENCE = """
SELECT 'live recurrence ' || job_id || ' has no live run' FROM schedules
WHERE state = 'active' AND fault IS NULL
    AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.job_id = schedules.job_id)"""
_UNDEAD_RECURRENCE = """
SELECT 'recurrence ' || job_id || ' is ' || s.state || ' and has a run waiting'
FROM schedules AS s JOIN runs USING (job_id)
WHERE s.state <> 'active' AND runs.state <> 'running' AND NOT runs.extra
    AND runs.attempts IS NULL"""
_SUSPECTS = """
SELECT 'worker ' || worker || ' has ' || count(*) || ' suspects' FROM runs
WHERE state = 'running' AND losses > 0 GROUP BY worker HAVING count(*) > 1"""
_FAULT = """
SELECT 'recurrence ' || job_id || ' is quarantined: ' || fault FROM schedules
WHERE fault IS NOT NULL"""
_FULL_GATE = """
SELECT count(*) || ' runs are in the gate ' || flow || ' of ' || max(concurrency) FROM runs
WHERE state = 'running' AND concurrency IS NOT NULL GROUP BY flow
HAVING count(*) > max(concurrency)"""
_FORGOTTEN_GATE = """
SELECT 'a run waits before the gate ' || w.flow || ', which has room' FROM runs AS w
WHERE w.state = 'blocked' AND w.concurrency > (
    SELECT count(*) FROM runs AS r
    WHERE r.flow = w.flow AND r.state IN ('running', 'queued') AND r.concurrency IS NOT NULL)"""

_NEVER_SO = (
    _TWO_LIVES,
    _DEAD_RECURRENCE,
    _UNDEAD_RECURRENCE,
    _FAULT,
    _FULL_GATE,
    _FORGOTTEN_GATE,
)

_UNQUIET = """
SELECT 'run ' || number || ' of job ' || job_id || ' is ' || state FROM runs
WHERE NOT recurring OR state <> 'scheduled' OR attempts IS NOT NULL OR extra"""
_UNENDED = """
SELECT 'recurrence ' || job_id || ' goes on' FROM schedules WHERE state = 'active'"""
_LEFT_BEHIND = """
SELECT 'run ' || number || ' of job ' || job_id || ' keeps a worker' FROM runs
WHERE state <> 'running' AND worker IS NOT NULL AND state <> 'scheduled'"""


def never_so(*, sure: bool) -> str:
    """Ask for what must never be so after a commit.

    `sure`: no failing disk ever keeps a claim from its worker, which would then hold a suspect
    without knowing.
    """
    return " UNION ALL ".join((*_NEVER_SO, _SUSPECTS) if sure else _NEVER_SO)


def unquiet(repeat: str) -> str:
    """Ask for what still waits or runs, live recurrences' next instants aside.

    `repeat`: how a field of a recurrence's `repeat` is read, `{0}` its name.
    """
    ends = " OR ".join(f"{repeat.format(name)} IS NOT NULL" for name in ("limit", "end_at_ms"))
    return " UNION ALL ".join((_UNQUIET, f"{_UNENDED} AND ({ends})", _LEFT_BEHIND))
