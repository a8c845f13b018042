"""What the doctor says: findings, each with a state, and a remedy where something is amiss."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypedDict, get_args

from ductape.domain.jsonvalue import JsonObject, JsonValue

State = Literal["ok", "warning", "fault"]
"""`warning`: look at it, work goes on; `fault`: something that is asked for will not happen."""

Section = Literal[
    "store",
    "schema",
    "server",
    "clock",
    "keys",
    "routing",
    "workers",
    "queues",
    "runs",
    "recurrences",
    "tables",
    "products",
    "zones",
    "settings",
]

STATES: Final[tuple[State, ...]] = get_args(State)
"""From the best to the worst."""

Details = Mapping[str, JsonValue]
NONE: Final[Details] = {}

_ORDER: Final[tuple[Section, ...]] = get_args(Section)


class Finding(TypedDict):
    """One thing that was looked at."""

    section: Section
    subject: str
    """What within the section, such as a queue's name."""
    state: State
    said: str
    """What was found, secrets masked."""
    remedy: str | None
    """What to do; null where nothing is amiss."""
    details: JsonObject
    """The figures in it, for programs: instants and spans in ms, sizes in bytes."""


class Report(TypedDict):
    """All that the doctor found."""

    state: State
    """That of the worst finding."""
    store: str
    """Its URL without the password."""
    reachable: bool
    """Whether the store could be opened; what is in it is not told otherwise."""
    findings: list[Finding]


def report(store: str, findings: Iterable[Finding], *, reachable: bool) -> Report:
    """Join findings, in the order of their sections."""
    told = sorted(findings, key=lambda one: _ORDER.index(one["section"]))
    return Report(
        state=worst(one["state"] for one in told), store=store, reachable=reachable, findings=told
    )


def worst(states: Iterable[State]) -> State:
    """Return the worst of some states.

    >>> worst(["ok", "fault", "warning"]), worst([])
    ('fault', 'ok')
    """
    seen = set(states)
    for state in reversed(STATES):
        if state in seen:
            return state
    return "ok"


def ok(section: Section, subject: str, said: str, *, details: Details = NONE) -> Finding:
    """Say that something is as it should be."""
    return Finding(
        section=section, subject=subject, state="ok", said=said, remedy=None, details=dict(details)
    )


def warning(
    section: Section, subject: str, said: str, *, remedy: str, details: Details = NONE
) -> Finding:
    """Say that something wants to be looked at."""
    return Finding(
        section=section,
        subject=subject,
        state="warning",
        said=said,
        remedy=remedy,
        details=dict(details),
    )


def fault(
    section: Section, subject: str, said: str, *, remedy: str, details: Details = NONE
) -> Finding:
    """Say that something will not work."""
    return Finding(
        section=section,
        subject=subject,
        state="fault",
        said=said,
        remedy=remedy,
        details=dict(details),
    )
