"""What must hold of limits: gates, queues held back, rates, priorities; counted from the witness.

A look of the witness sees what was committed at one instant. What is set for a queue binds every
claim of a later look. Spans and instants are seconds of the monotonic clock, or ms by name.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby

from tests.simulation.acting import Played
from tests.simulation.audit import Entry
from tests.simulation.record import Name, Record
from tests.simulation.requests import GATES

LATE_MS = 300
"""How much later than its claim a handler may begin: its process pauses at each step."""
EXCUSED = {"lost", "failed", "cancelled", "interrupted"}
"""How an attempt is recorded that may go on after its worker has lost it, or cut it off."""


def judge_limits(record: Record) -> Iterator[str]:
    """Yield every broken promise, as a sentence."""
    yield from _gates_are_kept(record)
    yield from _queues_are_kept(record)
    yield from _rates_are_kept(record)
    yield from _the_urgent_come_first(record)


def _gates_are_kept(record: Record) -> Iterator[str]:
    """Count the handlers that were at work under one concurrency key."""
    within: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for played in record.world.stage.journal:
        gate = record.gate(played.job)
        if gate is not None:
            within[gate].append((played.began_s, _rightful_end_s(record, played)))
    for gate, spans in within.items():
        for began_s, _ in spans:
            busy = sum(begin <= began_s < end for begin, end in spans)
            if busy > GATES[gate]:
                yield f"{busy} runs of {gate} were executed at {began_s:.3f} s, of {GATES[gate]}"


def _rightful_end_s(record: Record, played: Played) -> float:
    """Return when an execution ended, or was taken from its worker."""
    ended_s = float("inf") if played.ended_s is None else played.ended_s
    name = (played.job, played.run)
    finished = record.finished(name)
    attempts = record.attempts(finished) if finished is not None else []
    known = len(attempts) >= played.attempt
    if known and attempts[played.attempt - 1]["status"] not in EXCUSED:
        return ended_s
    left = (
        record.witness.at_s(entry)
        for entry in record.runs[name]
        if entry.what in ("back", "gone") and record.witness.at_s(entry) >= played.began_s
    )
    return min(ended_s, next(left, ended_s))


def _queues_are_kept(record: Record) -> Iterator[str]:
    """Count a queue's runs after each claim."""
    limits: dict[str | None, Entry] = {}
    running: dict[Name, str | None] = {}
    for _, seen in groupby(record.in_order, key=lambda entry: entry.look):
        look = list(seen)
        for entry in look:
            if entry.what == "claimed":
                running[entry.job, entry.number] = entry.queue
            elif entry.what in ("back", "gone"):
                running.pop((entry.job, entry.number), None)
        changed = {entry.queue: entry for entry in look if entry.what == "queue"}
        for queue in {entry.queue for entry in look if entry.what == "claimed"} - changed.keys():
            count = list(running.values()).count(queue)
            yield from _kept(record, limits.get(queue), count, look[0])
        limits |= changed


def _kept(record: Record, limit: Entry | None, count: int, claim: Entry) -> Iterator[str]:
    if limit is None:
        return
    at_s = record.witness.at_s(claim)
    if limit.state == "paused":
        yield f"queue {limit.queue} was paused, yet claimed from at {at_s:.3f} s"
    elif limit.concurrency is not None and count > limit.concurrency:
        yield f"queue {limit.queue} had {count} runs at {at_s:.3f} s, of {limit.concurrency}"


def _rates_are_kept(record: Record) -> Iterator[str]:
    """Look at each stretch between two settings of a queue by itself.

    A worker frozen between a look at its clock and its turn counts by the instant that it saw.
    """
    if any(record.world.story.has(one) for one in ("jump", "freeze")):
        return
    stretches: dict[str | None, list[tuple[Entry, list[Entry]]]] = defaultdict(list)
    for entry in record.in_order:
        if entry.what == "queue":
            stretches[entry.queue].append((entry, []))
        elif entry.what == "claimed" and stretches[entry.queue]:
            stretches[entry.queue][-1][1].append(entry)
    for setting, claims in (each for queue in stretches.values() for each in queue):
        if setting.rate_limit is not None and setting.rate_ms is not None:
            later = [claim for claim in claims if claim.look > setting.look]
            yield from _slow_enough(record, setting.rate_limit, setting.rate_ms, later)


def _slow_enough(record: Record, limit: int, per_ms: int, claims: list[Entry]) -> Iterator[str]:
    told = sorted(claim.started_at or 0 for claim in claims)
    yield from _too_close(told, limit, per_ms, "by the store's own word")
    if not record.world.story.has("faults"):
        names = {(claim.job, claim.number) for claim in claims}
        since_ms = min(told, default=0)
        began = sorted(
            played.began_ms
            for name in names
            for played in record.played[name]
            if since_ms <= played.began_ms <= max(told) + LATE_MS
        )
        yield from _too_close(began, limit, per_ms - LATE_MS, "as they were executed")


def _too_close(instants: list[int], limit: int, per_ms: int, how: str) -> Iterator[str]:
    for earlier, later in zip(instants, instants[limit:], strict=False):
        if later - earlier < per_ms:
            yield f"{limit + 1} starts within {later - earlier} of {per_ms} ms, {how}"


def _the_urgent_come_first(record: Record) -> Iterator[str]:
    """Find who was claimed while one of more urgency went on waiting.

    Only where nothing else waits: what others leave of their shares may go to the less urgent.
    """
    waiting: dict[Name, Entry] = {}
    for _, seen in groupby(record.in_order, key=record.witness.at_s):
        moment = list(seen)
        before = set(waiting)
        streams = {
            (entry.queue, entry.flow) for entry in (*waiting.values(), *moment) if entry.flow
        }
        for entry in moment:
            _note_waiting(waiting, entry)
        still = [entry for name, entry in waiting.items() if name in before]
        claims = [entry for entry in moment if entry.what == "claimed" and not entry.losses]
        for claim in claims if len(streams) == 1 else ():
            yield from (
                f"run {claim.job, claim.number} was claimed before {entry.job, entry.number}"
                for entry in still
                if (entry.rank or 0) < (claim.rank or 0)
            )


def _note_waiting(waiting: dict[Name, Entry], entry: Entry) -> None:
    name = (entry.job, entry.number)
    match entry.what:
        case "made" | "waits" | "back" if entry.state == "queued" and not entry.losses:
            waiting[name] = entry
        case "made" | "waits" | "back" | "claimed" | "gone":
            waiting.pop(name, None)
        case _:
            return
