"""`ductape doctor`: what is amiss with a store and its surroundings, and what to do (SPEC 13, 16).

Exit codes: 0 no fault, 1 a fault, 3 the store is out of reach (what else there is, is told).
"""

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ductape.cli.calling import Call, JsonOption, StoreOption, carried_out, end
from ductape.cli.drawing import output
from ductape.errors import StoreError

if TYPE_CHECKING:  # the engine loads when it is needed
    from ductape.services.doctor import Finding, Report

FAULTY: Final = 1
SIGNS: Final = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "fault": ("FAULT", "red")}
GAP: Final = (0, 2, 0, 0)


def doctor(
    context: typer.Context,
    *,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at the store and all that it needs: what is amiss, and what to do about it."""
    from ductape.app import doctoring, maintenance  # noqa: PLC0415 (when it is needed)
    from ductape.app.configuration import origins  # noqa: PLC0415 (when it is needed)

    call = Call.of(context, store, as_json=as_json)
    settings = maintenance.settings_for(call.store, call.config)
    told = origins.origins_of(call.config, arguments=() if call.store is None else ("store",))
    found = carried_out(lambda: doctoring.examine(settings, told))
    call.show(found, human=lambda: _page(found))
    end(_exit_code(found))


def _exit_code(found: "Report") -> int:
    faulty = {one["section"] for one in found["findings"] if one["state"] == "fault"}
    if "store" in faulty:
        return StoreError.exit_code
    return FAULTY if faulty else 0


def _page(found: "Report") -> RenderableType:
    width = max(len(one["subject"]) for one in found["findings"])
    parts: list[RenderableType] = []
    for section, group in groupby(found["findings"], key=itemgetter("section")):
        parts += [Text(section, "bold"), _lines(list(group), width)]
    return Group(*parts, _summary(found))


def _lines(findings: "list[Finding]", width: int) -> Table:
    """Return a line for each finding, its remedy below it; sections stand under one another."""
    lines = Table.grid(padding=GAP)
    lines.add_column(no_wrap=True, min_width=len("  warning"))
    lines.add_column(overflow="fold", min_width=min(width, output.screen_width() // 3))
    lines.add_column(overflow="fold")
    for one in findings:
        sign, style = SIGNS[one["state"]]
        said = Text(output.one_line(one["said"]))
        lines.add_row(Text(f"  {sign}", style), Text(output.one_line(one["subject"])), said)
        if one["remedy"] is not None:
            lines.add_row("", "", Text(output.one_line(f"remedy: {one['remedy']}"), style))
    return lines


def _summary(found: "Report") -> Text:
    states = [one["state"] for one in found["findings"]]
    faults, warnings = states.count("fault"), states.count("warning")
    counts = f"{_count(faults, 'fault')}, {_count(warnings, 'warning')}"
    return Text(counts, SIGNS[found["state"]][1])


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
