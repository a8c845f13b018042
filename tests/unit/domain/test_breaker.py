"""A breaker opens after so many failures in a row, and lets one caller at a time find out."""

from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.limits.breaker import CLOSED, Breaker, BreakerRule, admit, answered, failed

RULE = BreakerRule(failures=3, cooldown_ms=100, probe_ms=40)


def opened(now_ms: int = 0) -> Breaker:
    breaker = CLOSED
    for _ in range(RULE.failures):
        breaker = failed(breaker, RULE, now_ms)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breaker = failed(failed(CLOSED, RULE, 0), RULE, 0)
    assert admit(breaker, RULE, 0)[1] == "call"
    assert admit(failed(breaker, RULE, 0), RULE, 0)[1] == "skip"


def test_an_answer_in_between_begins_the_count_anew() -> None:
    breaker = answered(failed(failed(CLOSED, RULE, 0), RULE, 0))
    assert admit(failed(failed(breaker, RULE, 0), RULE, 0), RULE, 0)[1] == "call"


def test_after_the_cool_down_one_caller_probes() -> None:
    probing, admission = admit(opened(), RULE, 100)
    assert admission == "probe"
    assert admit(probing, RULE, 101)[1] == "skip"


def test_a_probe_that_was_answered_closes_it() -> None:
    probing, _ = admit(opened(), RULE, 100)
    assert answered(probing) == CLOSED


def test_a_probe_that_failed_opens_it_for_another_cool_down() -> None:
    probing, _ = admit(opened(), RULE, 100)
    again = failed(probing, RULE, 110)
    assert admit(again, RULE, 209)[1] == "skip"
    assert admit(again, RULE, 210)[1] == "probe"


def test_a_probe_that_nobody_hears_of_again_is_followed_by_another() -> None:
    probing, _ = admit(opened(), RULE, 100)
    assert admit(probing, RULE, 139)[1] == "skip"
    assert admit(probing, RULE, 140)[1] == "probe"


@given(st.lists(st.tuples(st.sampled_from(["ask", "yes", "no"]), st.integers(0, 60))))
def test_an_open_breaker_lets_one_through_in_each_cool_down(steps: list[tuple[str, int]]) -> None:
    breaker, now_ms, probed_ms = opened(), 0, -RULE.cooldown_ms
    for what, wait in steps:
        now_ms += wait
        before = breaker
        match what:
            case "ask":
                breaker, admission = admit(breaker, RULE, now_ms)
                if before.state == "open" and admission == "probe":
                    assert now_ms >= before.until_ms
                    probed_ms = now_ms
                if before.state != "closed":
                    assert admission != "call"
            case "yes":
                breaker = answered(breaker)
            case _:
                breaker = failed(breaker, RULE, now_ms)
        if breaker.state == "half_open":
            assert breaker.until_ms >= probed_ms
