"""Tables fit; ids are never cut."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from ductape.cli.drawing.tables import GAP, Column, fitting, pairs, table

ID = "01a20ff3-99ec-7000-9921-c2ece0833c8a"
COLUMNS = (Column("ID"), Column("STATUS", keep=1), Column("EVENT", keep=3), Column("ENV", keep=2))
ROW = [ID, "completed", "send_notification", "dev"]


def _drawn(what: RenderableType, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False).print(what)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_with_room_every_column_is_there() -> None:
    head, row = _drawn(table(COLUMNS, [ROW], width=100), 100)
    assert head.split() == ["ID", "STATUS", "EVENT", "ENV"]
    assert row.split() == ROW


def test_what_matters_least_goes_first() -> None:
    head, row = _drawn(table(COLUMNS, [ROW], width=60), 60)
    assert head.split() == ["ID", "STATUS", "ENV"]
    assert row.split() == [ID, "completed", "dev"]


def test_an_id_is_whole_even_where_nothing_else_fits() -> None:
    lines = _drawn(table(COLUMNS, [ROW], width=36), 36)
    assert lines == ["ID", ID]


def test_a_cell_stays_on_its_line() -> None:
    lines = _drawn(table((Column("A"), Column("B")), [["x\ny", "z\x1b[1m"]], width=80), 80)
    assert len(lines) == 2
    assert "\x1b" not in lines[1]


def test_pairs_without_a_value_are_left_out() -> None:
    assert _drawn(pairs([("job", "a"), ("key", None), ("env", "dev")]), 40) == [
        "job  a",
        "env  dev",
    ]


CELLS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


@given(
    keeps=st.lists(st.integers(0, 3), min_size=1, max_size=6),
    cells=st.lists(CELLS, min_size=6, max_size=6),
    width=st.integers(10, 200),
)
def test_what_is_shown_fits_or_cannot_be_left_out(
    keeps: list[int], cells: list[str], width: int
) -> None:
    columns = [Column(f"C{at}", keep=keep) for at, keep in enumerate(keeps)]
    shown = fitting(columns, [cells], width=width)
    total = sum(max(len(columns[at].title), len(cells[at])) for at in shown)
    fits = total + GAP * (len(shown) - 1) <= width
    assert fits or all(columns[at].keep == 0 for at in shown)
    assert all(at in shown for at, keep in enumerate(keeps) if keep == 0)
