"""What must hold at the end of every story, read from the witness and the handlers' journal."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

from ductape.worker.lane import AHEAD_MS, NEAR_MS
from tests.simulation.limits import judge_limits
from tests.simulation.record import Record
from tests.simulation.recurrences import judge_recurrences
from tests.simulation.world import SimulatedWorld


def judge(world: SimulatedWorld) -> list[str]:
    """Return every broken promise, as a sentence."""
    record = Record(world)
    return [
        *_nothing_is_lost(record),
        *_each_result_once(record),
        *_never_early(record),
        *judge_recurrences(record),
        *judge_limits(record),
        *_attempts_are_bounded(record),
        *_a_calm_world_loses_nothing(record),
        *_only_the_holder_records(record),
        *_results_are_real(record),
        *_checkpoints_are_handed_on(record),
        *_callers_were_told_the_truth(record),
        *_slots_are_kept(record),
        *_keys_are_unique(record),
    ]


def _nothing_is_lost(record: Record) -> Iterator[str]:
    made = {entry.job for entry in record.of("made")}
    for job, asked in record.asked.items():
        if job not in made:
            yield f"job {job} was accepted and has no run"
        if not asked[0].receipt["recurring"] and record.finished((job, 1)) is None:
            yield f"one-off job {job} never ended"
    for job, heads in record.witness.heads().items():
        if heads != 1:
            yield f"one-off job {job} has {heads} last words"
    for name, entries in record.runs.items():
        whats = [entry.what for entry in entries]
        if "gone" in whats and "finished" not in whats and record.played[name]:
            yield f"run {name} was executed and dropped without a history"


def _each_result_once(record: Record) -> Iterator[str]:
    for name, entries in record.runs.items():
        counts = Counter(entry.what for entry in entries)
        if counts["made"] != 1 and counts["finished"]:
            yield f"run {name} was made {counts['made']} times"
        if counts["made"] > 1:
            yield f"run number {name} was given {counts['made']} times"
        if counts["finished"] > 1 or counts["gone"] > 1:
            yield f"run {name} ended {counts['finished']} times"


def _never_early(record: Record) -> Iterator[str]:
    # After a jump back a run may wait that had fallen due before it: it may go on.
    steady = not record.world.story.jumps_back
    for entry in record.of("claimed"):
        wall_ms = record.witness.wall_ms(entry)
        if steady and wall_ms + AHEAD_MS + NEAR_MS < (entry.due_at or 0):
            yield f"run {entry.job, entry.number} was claimed at {wall_ms}, due {entry.due_at}"
    for entry in record.of("made"):
        asked = record.asked.get(entry.job)
        if (entry.due_at or 0) < (entry.scheduled_at or 0):
            yield f"run {entry.job, entry.number} is due before its instant"
        if asked and not entry.extra and entry.number == 1:
            start = asked[0].receipt["scheduled_at"]
            if entry.scheduled_at != start:
                yield f"run {entry.job, 1} is due at {entry.scheduled_at}, promised {start}"
    for name, played in record.played.items() if steady else ():
        due = [entry.due_at or 0 for entry in record.runs[name] if entry.what == "claimed"]
        for one in played:
            if due and one.began_ms < min(due):
                yield f"run {name} began at {one.began_ms}, due {min(due)}"


def _attempts_are_bounded(record: Record) -> Iterator[str]:
    for entry in record.of("finished"):
        name = (entry.job, entry.number)
        statuses = [attempt["status"] for attempt in record.attempts(entry)]
        request = [dict(asked.ask.request) for asked in record.asked[entry.job]]
        retries = max((int(one["retries"]) for one in request), default=0)
        tried = sum(status in ("completed", "failed", "cancelled") for status in statuses)
        if tried > retries + 1:
            yield f"run {name} was tried {tried} times with {retries} retries: {statuses}"
        threes = [
            at for at in range(2, len(statuses)) if set(statuses[at - 2 : at + 1]) == {"lost"}
        ]
        if threes and (threes[0] != len(statuses) - 1 or entry.state != "failed"):
            yield f"run {name} went on after three losses: {statuses}"
        claims = [e for e in record.runs[name] if e.what == "claimed"]
        if len(record.played[name]) > len(claims):
            yield f"run {name} was executed more often than claimed"
        once = all(one.get("onLost") == "fail" for one in request)
        if once and "lost" in statuses[:-1]:
            yield f"run {name} must not be lost twice: {statuses}"
        if once and len(record.played[name]) > retries + 1:
            yield f"run {name} was to be executed at most once per try: {statuses}"


def _a_calm_world_loses_nothing(record: Record) -> Iterator[str]:
    if not record.world.story.calm:
        return
    for entry in record.of("finished"):
        statuses = [attempt["status"] for attempt in record.attempts(entry)]
        if "lost" in statuses:
            yield f"run {entry.job, entry.number} was lost although no worker was: {statuses}"


def _only_the_holder_records(record: Record) -> Iterator[str]:
    for worker in (entry.worker for entry in record.of("revived")):
        yield f"worker {worker} renewed a lease that had run out"
    for entry in record.of("finished"):
        name = (entry.job, entry.number)
        claims: list[str | None] = []
        for earlier in record.runs[name]:
            if earlier.what == "claimed":
                claims.append(earlier.worker)
            elif earlier.what == "back" and earlier.state == "parked":
                claims.pop()
        workers = [attempt["worker"] for attempt in record.attempts(entry)]
        untried = bool(entry.cached) or b'"EXPIRED"' in (entry.error or b"")
        most = len(workers) + untried
        if workers != claims[: len(workers)] or not len(workers) <= len(claims) <= most:
            yield f"run {name} was held by {claims}, recorded by {workers}"
        gone = next((one.state for one in record.runs[name] if one.what == "gone"), "running")
        if entry.state == "completed" and not entry.cached and gone != "running":
            yield f"run {name} was completed while it was {gone}"


def _results_are_real(record: Record) -> Iterator[str]:
    returned = {played.nonce for played in record.world.stage.journal if played.returned}
    scripts = {played.nonce: played.script for played in record.world.stage.journal}
    for entry in record.of("finished"):
        name = (entry.job, entry.number)
        if entry.state != "completed":
            continue
        result = msgspec.json.decode(entry.result or b"null")
        nonce = result.get("nonce") if isinstance(result, dict) else None
        if nonce not in returned:
            yield f"run {name} completed with {result}, which nobody returned"
        own = {played.nonce for played in record.played[name]}
        if not entry.cached and nonce not in own:
            yield f"run {name} completed with the result of another run"
        asked = [dict(one.ask.request)["input"]["script"] for one in record.asked[entry.job]]
        if entry.cached and scripts.get(nonce) not in asked:
            yield f"run {name} was answered by the result of another input"


def _checkpoints_are_handed_on(record: Record) -> Iterator[str]:
    for name, played in record.played.items():
        told: list[int] = []
        kept: list[int] = []
        for one in played:
            if one.found is not None and one.found not in told:
                yield f"run {name} was handed the checkpoint {one.found}, told were {told}"
            if one.found is None and kept:
                yield f"run {name} was not handed its checkpoint, kept were {kept}"
            told += one.told
            kept += one.kept


def _callers_were_told_the_truth(record: Record) -> Iterator[str]:
    for answer in record.world.people.answers:
        ends = [e for e in record.of("finished") if e.job == answer.job]
        recurring = bool(answer.job) and record.asked[answer.job][0].receipt["recurring"]
        match answer.outcome:
            case "completed":
                results = [msgspec.json.decode(e.result) for e in ends if e.result]
                if answer.result not in results:
                    yield f"a caller of {answer.job} was told {answer.result}"
            case "failed":
                if not any(e.state == "failed" for e in ends):
                    yield f"a caller of {answer.job} was told of a failure that never was"
            case "timeout":
                if not recurring:
                    yield f"a caller of {answer.job} waited in vain"


def _slots_are_kept(record: Record) -> Iterator[str]:
    most = record.world.story.concurrency
    by_process: dict[int, list[Any]] = defaultdict(list)
    for played in record.world.stage.journal:
        by_process[id(played.process)].append(played)
    for plays in by_process.values():
        for one in plays:
            busy = sum(
                other.began_s <= one.began_s
                and (other.ended_s is None or other.ended_s > one.began_s)
                for other in plays
            )
            if busy > most:
                yield f"a worker with {most} slots executed {busy} runs at {one.began_s:.3f} s"


def _keys_are_unique(record: Record) -> Iterator[str]:
    pruned = record.world.story.has("prune")
    by_key: dict[str, set[str]] = defaultdict(set)
    for job, asked in record.asked.items():
        for one in asked:
            if "key" in one.ask.request:
                by_key[str(one.ask.request["key"])].add(job)
    for key, jobs in by_key.items():
        if len(jobs) > 1 and not pruned:
            yield f"the key {key} was given to {len(jobs)} jobs"
