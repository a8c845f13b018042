"""Rate limits hold over every span, and give way as soon as they may."""

from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.limits.rate import STRIDES, Rate, Starts, next_room_ms, room, started, stride_ms

NOW_MS = 1_800_000_000_000

rates = st.builds(Rate, limit=st.integers(1, 20), per_ms=st.integers(1, 5_000))
asks = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 10)), min_size=1, max_size=200)


def all_starts(rate: Rate, asked: list[tuple[int, int]]) -> list[int]:
    """Start as many of what is asked for as may, after each pause."""
    now_ms, starts, seen = NOW_MS, (), list[int]()
    for pause_ms, wanted in asked:
        now_ms += pause_ms
        may = min(wanted, room(rate, starts, now_ms))
        if may:
            starts = started(rate, starts, may, now_ms)
        seen += [now_ms] * may
    return seen


@given(rates, asks)
def test_no_span_has_more_starts_than_the_limit(rate: Rate, asked: list[tuple[int, int]]) -> None:
    seen = all_starts(rate, asked)
    for first in seen:
        within = [at for at in seen if first <= at < first + rate.per_ms]
        assert len(within) <= rate.limit


@given(rates, asks)
def test_a_start_waits_at_most_a_stride_longer_than_it_must(
    rate: Rate, asked: list[tuple[int, int]]
) -> None:
    now_ms, starts, seen = NOW_MS, (), list[int]()
    for pause_ms, wanted in asked:
        now_ms += pause_ms
        exact = rate.limit - sum(at > now_ms - rate.per_ms - stride_ms(rate) for at in seen)
        may = min(wanted, room(rate, starts, now_ms))
        assert may >= min(wanted, exact)
        if may:
            starts = started(rate, starts, may, now_ms)
            seen += [now_ms] * may


@given(rates, asks, st.lists(st.integers(0, 25), min_size=200, max_size=200))
def test_the_limit_holds_for_runs_that_begin_a_little_late(
    rate: Rate, asked: list[tuple[int, int]], late: list[int]
) -> None:
    """As handlers see it: a run begins once its claim is stored."""
    seen = all_starts(rate, asked)
    slack_ms = stride_ms(rate)
    began = [at + min(late[number % 200], slack_ms) for number, at in enumerate(seen)]
    for first in began:
        assert sum(first <= at < first + rate.per_ms for at in began) <= rate.limit


@given(rates, asks)
def test_the_next_room_is_told_exactly(rate: Rate, asked: list[tuple[int, int]]) -> None:
    now_ms, starts = NOW_MS, ()
    for pause_ms, wanted in asked:
        now_ms += pause_ms
        if room(rate, starts, now_ms):
            assert next_room_ms(rate, starts, now_ms) == now_ms
            starts = started(rate, starts, min(wanted, room(rate, starts, now_ms)), now_ms)
        else:
            free_ms = next_room_ms(rate, starts, now_ms)
            assert room(rate, starts, free_ms - 1) == 0
            assert room(rate, starts, free_ms) > 0


def test_what_is_remembered_stays_small() -> None:
    rate, starts, now_ms = Rate(1_000_000, 60_000), Starts(), NOW_MS
    for _ in range(20_000):
        now_ms += 7
        starts = started(rate, starts, 3, now_ms)
    assert len(starts) <= 2 * STRIDES + 1


def test_a_clock_that_was_set_back_does_not_close_the_gate_for_long() -> None:
    rate = Rate(1, 1_000)
    starts = started(rate, (), 1, NOW_MS + 3_600_000)
    assert room(rate, starts, NOW_MS) == 1
