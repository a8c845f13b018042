"""Instants and spans as a person reads them."""

from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from ductape.cli.drawing import times
from ductape.domain.time.instants import read_instant

INSTANTS = st.integers(min_value=0, max_value=253_402_300_799_999)


@given(INSTANTS)
def test_an_iso_instant_reads_back_as_itself(instant_ms: int) -> None:
    assert read_instant(times.iso(instant_ms), path="", zone=UTC) == instant_ms


@given(INSTANTS, INSTANTS)
def test_what_lies_ahead_is_in_and_what_lies_behind_is_ago(at: int, now: int) -> None:
    said = times.relative(at, now)
    assert (said == "now") == (abs(at - now) < times.SECOND_MS)
    if said != "now":
        assert said.startswith("in ") == (at > now)
        assert said.endswith(" ago") == (at < now)


@given(st.integers(min_value=0, max_value=10**12))
def test_a_span_has_at_most_two_units(length_ms: int) -> None:
    assert 2 <= len(times.span(length_ms).split()) <= 4


def test_nothing_is_a_dash() -> None:
    assert times.relative(None, 0) == times.span(None) == times.full_time(None, 0) == "-"
