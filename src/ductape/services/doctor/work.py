"""Will what waits be executed? Workers, queues, runs that nobody can take (SPEC 11, 13). Pure."""

from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from ductape.ports.stores.fleet import WorkerRecord
from ductape.ports.stores.inspecting import Quarantined, Waiting
from ductape.services.doctor.findings import Details, Finding, fault, ok, warning
from ductape.services.doctor.texts import count_text, span_text

LATE_MS: Final = 60_000
"""A run that is due and waits longer than this is late."""


def workers(live: Sequence[WorkerRecord], now_ms: int) -> Iterator[Finding]:
    """Tell who works, and until when they have shown to be alive."""
    for one in live:
        left_ms = one.lease_until_ms - now_ms
        claims = f"{one.concurrency} at a time" if one.concurrency else "only what is run at once"
        said = (
            f"{one.id}: {_listed(one.queues, 'every queue')}; {claims};"
            f" handlers {_listed(one.handlers, 'none')}; lease ends in {span_text(left_ms)}"
        )
        yield ok("workers", one.host, said, details={"id": one.id, "lease_left": left_ms})
    if not any(one.concurrency for one in live):
        yield warning(
            "workers",
            "none",
            "no live worker claims runs: what is due waits",
            remedy="start one: `ductape worker`",
        )


def queues(
    waiting: Iterable[Waiting], live: Sequence[WorkerRecord], paused: Container[str], now_ms: int
) -> list[Finding]:
    """Tell how much waits in each queue, for how long, and what no live worker can take."""
    found: list[Finding] = []
    for name, group in groupby(sorted(waiting, key=attrgetter("queue")), key=attrgetter("queue")):
        each = list(group)
        found.append(_depth(name, each, now_ms, paused=name in paused))
        if name not in paused:
            found += _untaken(name, each, [one for one in live if _serves(one, name)])
    return found or [ok("queues", "all", "nothing waits", details={"waiting": 0})]


def lost(count: int, *, at_least: bool) -> Iterator[Finding]:
    """Tell of runs whose worker is gone, and that nobody has taken over."""
    if count:
        yield warning(
            "runs",
            "lost",
            f"{count_text(count, 'run', at_least=at_least)} of workers that are gone,"
            " not taken over yet",
            remedy="a live worker takes them over within seconds: start one if there is none",
            details={"count": count, "at_least": at_least},
        )


def recurrences(quarantined: Iterable[Quarantined]) -> Iterator[Finding]:
    """Tell which recurrences cannot be computed."""
    for one in quarantined:
        yield warning(
            "recurrences",
            one.event,
            f"job {one.job_id} is quarantined: {one.fault}",
            remedy=f"schedule it anew without the fault, or `ductape jobs cancel {one.job_id}`",
            details={"job_id": one.job_id},
        )


def _depth(queue: str, each: Sequence[Waiting], now_ms: int, *, paused: bool) -> Finding:
    count, bounded = sum(one.count for one in each), any(one.at_least for one in each)
    age_ms = max(now_ms - min(one.oldest_due_ms for one in each), 0)
    runs = count_text(count, "run", at_least=bounded)
    said = f"{runs} waiting, the oldest for {span_text(age_ms)}"
    details: Details = {
        "waiting": count,
        "at_least": bounded,
        "oldest_age": age_ms,
        "paused": paused,
    }
    if paused:
        remedy = f"`ductape queues resume {queue}` lets workers claim from it again"
        return warning("queues", queue, f"paused; {said}", remedy=remedy, details=details)
    if age_ms < LATE_MS:
        return ok("queues", queue, said, details=details)
    remedy = "start more workers on it, or give them more slots; `ductape queues` shows its limits"
    return warning("queues", queue, said, remedy=remedy, details=details)


def _untaken(
    queue: str, each: Sequence[Waiting], serving: Sequence[WorkerRecord]
) -> Iterator[Finding]:
    handlers = {tag for one in serving for tag in one.handlers}
    for one in each:
        if serving and (one.needs is None or one.needs in handlers):
            continue
        runs = count_text(one.count, "run", at_least=one.at_least)
        need = "" if one.needs is None else f" of {one.needs}"
        lacking = f"has {one.needs}" if serving else "serves the queue"
        yield fault(
            "runs",
            queue,
            f"{runs}{need}, such as job {one.example}: no live worker {lacking}",
            remedy=_start(queue, one.needs),
            details={"count": one.count, "needs": one.needs, "example": one.example},
        )


def _start(queue: str, needs: str | None) -> str:
    handlers = "" if needs is None else f" --handlers MODULE:ATTR (with `{needs}`)"
    return f"start one: ductape worker --queues {queue}{handlers}"


def _serves(worker: WorkerRecord, queue: str) -> bool:
    return worker.concurrency > 0 and (not worker.queues or queue in worker.queues)


def _listed(names: Sequence[str], none: str) -> str:
    return ", ".join(names) or none
