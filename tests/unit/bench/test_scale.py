"""The model of a fleet: it keeps count, it pays for what it does, and it foretells this machine."""

import math
from dataclasses import replace

import pytest

from bench.scale.ceiling import of_ceilings, of_crowding
from bench.scale.costs import kept
from bench.scale.day import Fleet, Trouble, day, enough
from bench.scale.loads import PEAK_S, SHAPES, due
from bench.scale.model import STEP_S, Database, Plant, Prices
from bench.scale.page import PAGE, filled
from bench.scale.prices import prices_of
from bench.scale.scenarios import foretold_drains, of_validation
from bench.scale.tables import of_costs_by_name

PRICES = Prices(
    dispatch_us=200,
    promote_us=10,
    look_us=500,
    turn_us=1_000,
    run_us=20,
    skip_us=0.5,
    hint_us=20,
    idle_us=1_000,
    client_us=40,
    busy=1.0,
    commit_s=0.0005,
    look_s=0.001,
)
EVEN, TIDE = SHAPES[:2]
BUSY = SHAPES[-1]
MINUTE = (PEAK_S, PEAK_S + 60)
OFF = 0.25


def test_every_run_that_falls_due_begins() -> None:
    told = day(Fleet(4), TIDE, PRICES, stretch=MINUTE)
    fell = sum(due(TIDE, 100e6 / 4, 1, start_s=MINUTE[0], end_s=MINUTE[1]))
    assert math.isclose(told.runs + told.waiting, fell)
    assert math.isclose(sum(told.late.values()), told.runs)


def test_an_hour_of_an_even_day_has_its_share_of_the_jobs() -> None:
    hour = sum(due(EVEN, 24e6, 7, start_s=0, end_s=3_600))
    assert hour == pytest.approx(1e6, rel=0.01)


def test_what_falls_on_the_hour_falls_in_its_first_step() -> None:
    first, *others = due(BUSY, 24e6, 7, start_s=PEAK_S, end_s=PEAK_S + 2)
    assert first > 100 * max(others)


def test_the_same_seed_tells_the_same() -> None:
    fleet = Fleet(4)
    assert day(fleet, TIDE, PRICES, stretch=MINUTE) == day(fleet, TIDE, PRICES, stretch=MINUTE)


def test_a_server_spends_no_more_than_it_has() -> None:
    told = day(Fleet(1, jobs=100e9), EVEN, PRICES, stretch=MINUTE)
    assert told.useful + told.looking <= 1 + 1e-6 + told.useful / 100
    assert told.waiting > 0


def test_a_drain_is_paid_for_by_the_cores_that_it_shares() -> None:
    database = Database(Plant(1.0, 8, 16, shared=True), PRICES)
    begun = sum(taken.runs for taken in database.step(1e6, 0.0))
    assert begun <= STEP_S * 1e6 / (PRICES.client_us + PRICES.run_us)
    assert begun > 0


def test_a_spike_makes_runs_late_and_more_databases_make_them_less_so() -> None:
    few, many = (day(Fleet(count), BUSY, PRICES, stretch=MINUTE) for count in (2, 16))
    assert few.late_s(0.99) > 1
    assert many.late_s(0.99) < few.late_s(0.99)


def test_as_many_databases_as_are_needed_are_found() -> None:
    needed = enough(Fleet(1, herd=False), BUSY, PRICES, stretch=MINUTE)
    assert needed is not None
    assert needed > 1
    late = [
        day(Fleet(count, herd=False), BUSY, PRICES, stretch=MINUTE).late_s(0.99)
        for count in (needed - 1, needed)
    ]
    assert late[0] >= 1 > late[1]


def test_runs_of_dead_workers_are_taken_over_and_begin_again() -> None:
    fleet = Fleet(4)
    calm = day(fleet, EVEN, PRICES, stretch=MINUTE)
    trouble = Trouble(dying=0.1, dying_at_s=PEAK_S + 10)
    troubled = day(fleet, EVEN, PRICES, trouble, stretch=MINUTE)
    in_hand = fleet.jobs / fleet.databases / 86_400 * fleet.run_s
    assert troubled.taken_over == pytest.approx(in_hand / 10, rel=0.2)
    assert troubled.runs == pytest.approx(calm.runs + troubled.taken_over)


def test_an_outage_is_caught_up_with() -> None:
    trouble = Trouble(down_s=20, down_at_s=PEAK_S + 10)
    told = day(Fleet(4), EVEN, PRICES, trouble, stretch=MINUTE)
    assert told.late_s(1.0) == pytest.approx(20, abs=1)
    assert told.caught_up_s is not None
    assert 0 <= told.caught_up_s < 30


def test_hints_for_one_worker_leave_the_server_idle() -> None:
    herd, one = (
        day(replace(Fleet(1), herd=herd), EVEN, PRICES, stretch=MINUTE) for herd in (True, False)
    )
    assert herd.looking > 3 * one.looking


def test_the_model_foretells_the_machine_that_was_measured() -> None:
    for drain in foretold_drains(kept()):
        assert abs(drain["foretold"] / drain["measured"] - 1) < OFF


def test_the_page_shows_what_was_kept() -> None:
    """`python -m bench scale --page` puts it there."""
    costs, text = kept(), PAGE.read_text(encoding="utf-8")
    tables = {
        **of_costs_by_name(costs),
        "ceilings": of_ceilings(costs),
        "crowding": of_crowding(costs),
        "validation": of_validation(costs),
    }
    for name, table in tables.items():
        assert f"<!-- table: {name} -->\n{table}\n<!-- end -->" in text


def test_prices_are_a_line_through_the_turns() -> None:
    costs = kept()
    prices = prices_of(costs)
    for size in (1, 100):
        assert prices.turn_us + size * prices.run_us == pytest.approx(costs.turns.of[size][1])


def test_only_the_places_of_tables_are_written() -> None:
    page = "before\n<!-- table: a -->\nold\n\nolder\n<!-- end -->\nafter"
    assert filled(page, {"a": "new"}) == "before\n<!-- table: a -->\nnew\n<!-- end -->\nafter"
