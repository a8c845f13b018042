"""The judge of the torture finds what it is there to find; in a story that went well, nothing."""

import pytest

from torture.evidence import Error, Recorded, Tried
from torture.fleet import Deed
from torture.judge import Case, judge
from torture.ledger import Asked, Began, Ended, Line
from torture.plan import Plan

PLAN = Plan("sqlite", seed=1, trouble_s=1)
MS = 1_000_000
AT = 1_800_000_000_000


def asked(**changes: object) -> Asked:
    return Asked(**{"n": 1, "event": "quick", "job": "j", **changes})  # pyright: ignore[reportArgumentType]


def began(attempt: int = 1, *, pid: int = 7, run: int = 1, at_ms: int = AT + 10) -> Began:
    return Began(f"{pid}-{run}-{attempt}", 1, "j", run, attempt, pid, at_ms * MS)


def ended(call: Began, *, at_ms: int = AT + 20) -> Ended:
    return Ended(call.token, raised=False, at_ns=at_ms * MS)


def tried(
    number: int = 1, status: str = "completed", *, pid: int = 7, until_ms: int = AT + 30
) -> Tried:
    return Tried(number, AT + 5, until_ms, status, f"host:{pid}:x")


def recorded(
    *attempts: Tried, result: str | None, run: int = 1, at_ms: int = AT, **changes: object
) -> Recorded:
    last = attempts[-1].completed_at_ms
    whole = {"outcome": "completed", "event": "quick", "error": None, **changes}
    return Recorded(
        job="j", run=run, scheduled_ms=at_ms, completed_ms=last, attempts=attempts, result=result,
        **whole,  # pyright: ignore[reportArgumentType]
    )  # fmt: skip


def verdict(lines: list[Line], *history: Recorded, deeds: tuple[Deed, ...] = ()) -> str:
    return "; ".join(judge(Case(PLAN, lines, history, deeds, ())))


FIRST = began()


def test_a_story_that_went_well_breaks_no_promise() -> None:
    lines = [asked(), FIRST, ended(FIRST)]
    assert verdict(lines, recorded(tried(), result=FIRST.token)) == ""


def test_a_job_that_never_ended_is_found() -> None:
    assert "was accepted and never ended" in verdict([asked()])


def test_a_run_recorded_twice_is_found() -> None:
    row = recorded(tried(), result=FIRST.token)
    assert "is recorded 2 times" in verdict([asked(), FIRST, ended(FIRST)], row, row)


def test_a_result_of_an_attempt_that_had_lost_its_run_is_found() -> None:
    second = began(2, pid=8, at_ms=AT + 4_000)
    lines = [asked(), FIRST, ended(FIRST), second, ended(second, at_ms=AT + 4_010)]
    both = (tried(1, "lost", until_ms=AT + 3_500), tried(2, pid=8, until_ms=AT + 4_020))
    found = verdict(lines, recorded(*both, result=FIRST.token), deeds=(Deed("frozen", 7, AT * MS),))
    assert "has the result of attempt 1, which had lost it" in found


def test_an_attempt_that_a_late_record_wiped_out_is_found() -> None:
    second = began(2, pid=8)
    lines = [asked(), FIRST, ended(FIRST), second, ended(second)]
    found = verdict(lines, recorded(tried(), result=FIRST.token))
    assert found == "attempt 2 of job j by 8 is not recorded"


def test_a_call_before_its_instant_is_found() -> None:
    early = began(at_ms=AT - 1)
    found = verdict([asked(), early, ended(early)], recorded(tried(), result=early.token))
    assert "began 1.000 ms early" in found


@pytest.mark.parametrize(("after_ms", "late"), [(7_900, False), (8_100, True)])
def test_a_take_over_after_more_than_lease_and_5_s_is_found(after_ms: int, *, late: bool) -> None:
    second = began(2, pid=8, at_ms=AT + 9_000)
    both = (
        tried(1, "lost", until_ms=AT + 10 + after_ms),
        tried(2, pid=8, until_ms=AT + 9_010),
    )
    found = verdict(
        [asked(), FIRST, second, ended(second, at_ms=AT + 9_005)],
        recorded(*both, result=second.token),
        deeds=(Deed("killed", 7, (AT + 10) * MS),),
    )
    assert ("was taken over after" in found) is late


def test_a_run_taken_from_a_living_worker_is_found() -> None:
    second = began(2, pid=8, at_ms=AT + 4_000)
    both = (tried(1, "lost", until_ms=AT + 3_500), tried(2, pid=8, until_ms=AT + 4_020))
    lines = [asked(), FIRST, second, ended(second, at_ms=AT + 4_010)]
    assert "was taken from host:7:x, alive" in verdict(lines, recorded(*both, result=second.token))


def test_an_occurrence_that_is_left_out_is_found() -> None:
    calls = [began(run=1), began(run=2, at_ms=AT + 210)]
    lines: list[Line] = [asked(event="tick", recurs=100, limit=2, due_ms=AT), *calls]
    lines += [ended(calls[0]), ended(calls[1], at_ms=AT + 220)]
    first = recorded(tried(), result=calls[0].token, event="tick")
    second = recorded(
        tried(until_ms=AT + 230), result=calls[1].token, run=2, at_ms=AT + 200, event="tick"
    )
    assert verdict(lines, first, second) == f"occurrence 2 of job j is not that of {AT + 100}"


def test_an_occurrence_that_began_later_stands_for_what_it_has_missed() -> None:
    calls = [began(run=1), began(run=2, at_ms=AT + 310)]
    lines: list[Line] = [asked(event="tick", recurs=100, limit=2, due_ms=AT), *calls]
    lines += [ended(calls[0]), ended(calls[1], at_ms=AT + 320)]
    first = recorded(tried(), result=calls[0].token, event="tick")
    late = Tried(1, AT + 305, AT + 330, "completed", "host:7:x")
    stands = {"result": calls[1].token, "run": 2, "event": "tick"}
    assert verdict(lines, first, recorded(late, at_ms=AT + 300, **stands)) == ""  # pyright: ignore[reportArgumentType]
    found = verdict(lines, first, recorded(late, at_ms=AT + 100, **stands))  # pyright: ignore[reportArgumentType]
    assert found == f"occurrence 2 of job j is not that of {AT + 300}"


def test_a_job_given_up_before_three_losses_in_a_row_is_found() -> None:
    row = recorded(
        tried(1, "lost"), result=None, outcome="failed", error=Error("WORKER_LOST", "gone")
    )
    killed = (Deed("killed", 7, (AT + 15) * MS),)
    assert "was given up after ['lost']" in verdict([asked(), FIRST], row, deeds=killed)
