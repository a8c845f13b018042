"""Subscriptions without an end: their time, and which of their losses count (SPEC 1, 5, 9)."""

from typing import cast

from ductape.domain.inputs.topic import timeout_of
from ductape.domain.job import Attempt, Claim, Finished, Run
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.outcome import Lost
from ductape.domain.parsing.scalars import SPAN_MAX_MS
from ductape.domain.request import JobEventTypes
from ductape.domain.settlement import settle
from ductape.domain.standing import is_standing, losses_in_a_row
from tests.builders import NOW_MS, a_run, a_spec


def no_zones(_: str) -> None:
    raise AssertionError("no zone is asked for")


def standing(noted_in: int | None, *, losses: int = 2, lost: int = 2, **given: object) -> Run:
    """Make a run in its hands for the third time, whose attempt so and so has noted something."""
    parts = cast("JsonObject", {"callback": "take", **given})
    kind = JobEventTypes.SUBSCRIBE
    spec = a_spec(kind=kind, input=parts, timeout_ms=timeout_of(kind, parts))
    attempts = tuple(Attempt(number, NOW_MS, NOW_MS, "lost", "w") for number in range(1, lost + 1))
    checkpoint = None if noted_in is None else {"received": 1, "attempt": noted_in}
    return a_run(
        spec,
        state="running",
        started_at_ms=NOW_MS,
        losses=losses,
        attempts=attempts,
        checkpoint=checkpoint,
    )


def lose(run: Run) -> Finished | Run:
    outcome = Lost("its worker died")
    return settle(Claim(run), outcome, now_ms=NOW_MS, draw=0.0, zones=no_zones).to


def test_a_third_loss_in_a_row_ends_one_that_never_worked() -> None:
    ended = lose(standing(None))
    assert isinstance(ended, Finished)
    assert ended.error is not None
    assert ended.error.code == "WORKER_LOST"


def test_a_loss_after_it_has_worked_is_the_first_again() -> None:
    again = lose(standing(noted_in=3))
    assert isinstance(again, Run)
    assert again.losses == 1


def test_what_an_earlier_attempt_noted_does_not_count() -> None:
    assert isinstance(lose(standing(noted_in=2)), Finished)


def test_one_with_an_end_counts_its_losses_as_every_run() -> None:
    assert losses_in_a_row(standing(noted_in=3, duration=1_000)) == 2
    assert isinstance(lose(standing(noted_in=3, duration=1_000)), Finished)


def test_only_a_subscription_without_duration_stands() -> None:
    spec = standing(None).spec
    assert is_standing(spec)
    assert not is_standing(standing(None, duration=5).spec)
    assert is_standing(standing(None, duration=0, max_messages=5).spec)
    assert not is_standing(a_spec())


def test_a_subscription_s_attempt_has_its_duration_and_a_minute() -> None:
    kind = JobEventTypes.SUBSCRIBE
    assert timeout_of(kind, {"duration": 5_000}) == 65_000
    assert timeout_of(kind, {"duration": 0}) == timeout_of(kind, {}) == SPAN_MAX_MS
    assert timeout_of(kind, {"duration": "$Variable{a}{b}"}) == SPAN_MAX_MS
    assert timeout_of(JobEventTypes.PUBLISH, {}) is None
