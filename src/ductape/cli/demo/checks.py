"""Whether everything came as it should: receivers, jobs, the cached pair, the calendar. Pure.

A receiver must have got exactly what the acts say, no more, no less, whatever the order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from ductape.cli.demo.receivers import ReceiverName
from ductape.cli.demo.staging import Outcome
from ductape.cli.demo.story import Act
from ductape.domain.found import MASK
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.wire import HistoryView, JobView

NAMES: Mapping[ReceiverName, tuple[str, str]] = {
    "partner": ("partner API", "request"),
    "push": ("push service", "push"),
    "mail": ("mail server", "e-mail"),
}
"""What each receiver is called, and what it receives."""


class Check(Struct, frozen=True):
    """One thing that had to be so."""

    says: str
    differs: tuple[str, ...] = ()
    """What was not so; empty if all was well."""

    @property
    def passed(self) -> bool:
        """Whether all was well."""
        return not self.differs


def check_all(outcome: Outcome) -> list[Check]:
    """Return every check, receivers first."""
    acts = list(zip(outcome.acts, outcome.jobs, outcome.histories, strict=True))
    pair = [(job, history) for act, job, history in acts if act.one_of_pair]
    return [
        *(_received(outcome, name) for name in NAMES),
        *(_ended(act, job, history) for act, job, history in acts if not act.one_of_pair),
        _answered_once(pair),
        _none_early(outcome.histories),
        _on_calendar(outcome.jobs[0], outcome.instants),
    ]


def masked(delivery: JsonObject) -> JsonObject:
    """Return what arrived without the device's token."""
    return delivery | {"to": MASK} if isinstance(delivery.get("to"), str) else delivery


def counted(number: int, noun: str) -> str:
    """Return a number of things.

    >>> counted(1, "run"), counted(2, "push")
    ('1 run', '2 pushes')
    """
    plural = f"{noun}es" if noun.endswith("sh") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def _received(outcome: Outcome, name: ReceiverName) -> Check:
    who, noun = NAMES[name]
    expected = [one for act in outcome.acts for one in act.delivers.get(name, ())]
    wanted, came = _tally(expected), _tally(outcome.got[name])
    return Check(
        f"the {who} got exactly its {counted(len(expected), noun)}",
        (*_lines("missing", wanted - came), *_lines("unexpected", came - wanted)),
    )


def _tally(deliveries: Sequence[JsonObject]) -> Counter[bytes]:
    return Counter(msgspec.json.encode(one, order="sorted") for one in deliveries)


def _lines(word: str, tally: Counter[bytes]) -> list[str]:
    return [
        f"{word}, {counted(number, 'time')}: {shown(msgspec.json.decode(one))}"
        for one, number in tally.items()
    ]


def shown(delivery: JsonObject) -> str:
    """Return what arrived as one line of JSON, without the device's token."""
    return msgspec.json.encode(masked(delivery)).decode()


def _ended(act: Act, job: JobView, history: HistoryView) -> Check:
    runs = history["executions"]
    tries = [len(run["attempts"]) for run in runs]
    told = act.status if not act.runs else f"{act.status}, {counted(act.runs, 'run')}"
    if act.attempts > 1:
        told += f" of {counted(act.attempts, 'attempt')}"
    differs = [
        f"{what}: expected {expected}, found {found}"
        for what, expected, found in (
            ("state", act.status, job["status"]),
            ("runs", act.runs, len(runs)),
            ("attempts of each run", [act.attempts] * len(runs), tries),
        )
        if expected != found
    ]
    return Check(f"{act.title}: {told}", tuple(differs))


def _answered_once(pair: Sequence[tuple[JobView, HistoryView]]) -> Check:
    tries = sum(len(run["attempts"]) for _, history in pair for run in history["executions"])
    answers = [job["result"] for job, _ in pair if job["status"] == "completed"]
    differs: list[str] = []
    if tries != 1:
        differs.append(f"attempts of both: expected 1, found {tries}")
    if len(answers) != len(pair) or any(one != answers[0] for one in answers):
        differs.append(f"equal results: expected {len(pair)}, found {len(answers)}, equal or not")
    return Check("the equal pair: one execution, two equal results", tuple(differs))


def _none_early(histories: Sequence[HistoryView]) -> Check:
    early = [
        f"{history['job_id']} run {run['number']}: {run['scheduled_at'] - started} ms early"
        for history in histories
        for run in history["executions"]
        if (started := run["started_at"]) is not None and started < run["scheduled_at"]
    ]
    return Check("no run started before its instant", tuple(early))


def _on_calendar(job: JobView, instants: Sequence[datetime]) -> Check:
    found = job["next_run_at"]
    # It is the second instant where ten o'clock struck during the demo.
    nearest = [round(one.timestamp() * 1_000) for one in instants[:2]]
    if found in nearest:
        return Check("the daily push waits for the next instant of its cron")
    difference = f"next run: expected {nearest[0]}, found {found}"
    return Check("the daily push waits for the next instant of its cron", (difference,))
