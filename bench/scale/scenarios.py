"""A thousand workers, a hundred million scheduled jobs a day: modelled from the measured costs.

    python -m bench scale            the whole day of every shape: some ten minutes
    python -m bench scale --short    a minute of it, for the tests
    python -m bench scale --page     every table, put where it stands in docs/explanation/scale.md

The model and its prices: `bench/scale/model.py`, `prices.py`; the days: `loads.py`, `day.py`.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from bench.scale import costs as kept_costs
from bench.scale import page
from bench.scale.ceiling import of_ceilings, of_crowding
from bench.scale.costs import Costs
from bench.scale.day import Fleet, Told, Trouble, day, enough
from bench.scale.loads import DAY_S, HOUR_S, PEAK_S, SHAPES, Shape
from bench.scale.model import STEP_S, Database, Plant, Prices
from bench.scale.prices import prices_in, prices_of
from bench.scale.tables import figure, of_costs_by_name, table

HOUR = (PEAK_S, PEAK_S + HOUR_S)
AFTERNOON = (PEAK_S, PEAK_S + 3 * HOUR_S)
WHOLE = (0, DAY_S)
MINUTE = (PEAK_S, PEAK_S + 60)
TIDE = SHAPES[1]
DYING, DOWN_S = 0.1, 1_800
SHORT_DOWN_S = 10


def main(words: Sequence[str]) -> int:
    """Compute and print; return the exit code."""
    given = _given(words)
    costs = kept_costs.kept()
    foretold = foretold_drains(costs)
    if given.json:
        print(json.dumps({"drains": foretold}))
        return 0
    tables = {
        **of_costs_by_name(costs),
        "ceilings": of_ceilings(costs),
        "crowding": of_crowding(costs),
        "validation": of_validation(costs),
        **_modelled(prices_of(costs), short=given.short),
    }
    if given.page:
        page.put(tables)
    else:
        print("\n\n".join(f"## {name}\n\n{text}" for name, text in tables.items()))
    return 0


def foretold_drains(costs: Costs) -> list[dict[str, float]]:
    """Set the model to the machine that was measured and let it drain; beside what it did."""
    prices = prices_of(costs)
    found: list[dict[str, float]] = []
    for drain in costs.drains:
        plant = Plant(drain.cores, drain.workers, 2 * drain.workers, shared=True)
        rate = _drain_rate(Database(plant, prices_in(drain, prices)))
        found.append({"workers": drain.workers, "measured": drain.jobs_a_second, "foretold": rate})
    return found


def of_validation(costs: Costs) -> str:
    """Write what the model foretells of this machine, beside what was measured."""
    lines = [
        (
            f"{one['workers']:.0f}",
            f"{drain.cores:.2f}",
            figure(one["measured"]),
            figure(one["foretold"]),
            f"{one['foretold'] / one['measured'] - 1:+.0%}",
        )
        for one, drain in zip(foretold_drains(costs), costs.drains, strict=True)
    ]
    head = ("worker processes", "cores they had", "measured jobs/s", "modelled jobs/s", "off by")
    return table(head, lines)


def _drain_rate(database: Database) -> float:
    jobs, steps, done = 100_000.0, 0, 0.0
    while done < jobs * (1 - 1e-9):
        done += sum(taken.runs for taken in database.step(0.0 if steps else jobs, 0.0))
        steps += 1
    return jobs / (steps * STEP_S)


def _modelled(prices: Prices, *, short: bool) -> dict[str, str]:
    busiest = MINUTE if short else HOUR
    shapes = SHAPES[:2] if short else SHAPES
    needed = {
        (shape.name, herd): enough(Fleet(1, herd=herd), shape, prices, stretch=busiest)
        for shape in shapes
        for herd in (True, False)
    }
    return {
        "shapes": _of_shapes(shapes, needed, prices, MINUTE if short else WHOLE),
        "by databases": _of_counts((1, 2) if short else (1, 2, 4, 8, 16), prices, busiest),
        "troubles": _of_troubles(needed[TIDE.name, True] or 1, prices, short=short),
    }


def _of_shapes(
    shapes: Sequence[Shape],
    needed: dict[tuple[str, bool], int | None],
    prices: Prices,
    stretch: tuple[int, int],
) -> str:
    lines: list[tuple[str, ...]] = []
    for shape in shapes:
        databases, unherded = needed[shape.name, True], needed[shape.name, False]
        _say(f"{shape.name}: {databases} databases")
        told = day(Fleet(databases or 1), shape, prices, stretch=stretch)
        counts = _count(databases), _count(unherded)
        lines.append((shape.name, *counts, *_cells(told, databases or 1)))
    head = ("the day", "databases needed", "were a hint for one worker", *CELLS)
    return table(head, lines)


def _of_counts(counts: Sequence[int], prices: Prices, stretch: tuple[int, int]) -> str:
    lines: list[tuple[str, ...]] = []
    for databases in counts:
        told = day(Fleet(databases), TIDE, prices, stretch=stretch)
        lines.append((f"{databases}", f"{1000 // databases}", *_cells(told, databases)))
    return table(("databases", "workers each", *CELLS), lines)


def _of_troubles(databases: int, prices: Prices, *, short: bool) -> str:
    stretch, down_s = (MINUTE, SHORT_DOWN_S) if short else (AFTERNOON, DOWN_S)
    at_s = stretch[0] + (10 if short else HOUR_S // 2)
    troubles = {
        "nothing": Trouble(),
        f"{DYING:.0%} of the workers die": Trouble(dying=DYING, dying_at_s=at_s),
        f"the database is away for {down_s:,} s": Trouble(down_s=down_s, down_at_s=at_s),
    }
    lines: list[tuple[str, ...]] = []
    for name, trouble in troubles.items():
        _say(name)
        told = day(Fleet(databases), TIDE, prices, trouble, stretch=stretch)
        caught = "" if told.caught_up_s is None else f"{told.caught_up_s:,.0f} s"
        over = figure(told.taken_over * databases) if told.taken_over else ""
        lines.append((name, *_cells(told, databases), over, caught))
    return table(("what happens", *CELLS, "runs taken over", "caught up after"), lines)


CELLS = ("runs/s", "late p50", "p99", "most", "CPU for jobs", "CPU for looking")


def _cells(told: Told, databases: int) -> tuple[str, ...]:
    return (
        figure(told.runs / told.seconds * databases),
        *(_span(told.late_s(part)) for part in (0.5, 0.99, 1.0)),
        f"{told.useful:.0%}",
        f"{told.looking:.0%}",
    )


def _span(seconds: float) -> str:
    if seconds < STEP_S:
        return "< 10 ms"
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _count(databases: int | None) -> str:
    return "more than 256" if databases is None else f"{databases}"


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr)


def _given(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--short", action="store_true", help="a minute of two shapes")
    parser.add_argument("--page", action="store_true", help="put the tables into the page")
    parser.add_argument("--json", action="store_true", help="only what is foretold of this machine")
    return parser.parse_args(words)
