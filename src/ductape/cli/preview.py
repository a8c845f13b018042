"""`ductape preview`: the next instants of a recurrence, storing nothing (SPEC 10, 13)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import RenderableType

import ductape
from ductape.app.zones import PackagedZones
from ductape.cli.calling import Call, JsonOption, now_ms
from ductape.cli.drawing import output, tables, times
from ductape.domain.time.instants import read_instant
from ductape.errors import Fault, ValidationError, fault
from ductape.services.previewing import MOST_INSTANTS

COUNT = 10


def preview(  # noqa: PLR0913 (a recurrence has so many parts)
    context: typer.Context,
    cron: Annotated[
        str | None, typer.Argument(metavar="CRON", help="Such as `0 9 * * 1`; or give `--every`.")
    ] = None,
    *,
    every: Annotated[
        int | None, typer.Option(metavar="MS", help="The period in milliseconds.")
    ] = None,
    tz: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Such as `Europe/Amsterdam`; UTC if none.")
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="ISO", help="Strictly after this instant; now if none.")
    ] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many instants.")] = COUNT,
    limit: Annotated[int | None, typer.Option(help="How many occurrences there are.")] = None,
    end_date: Annotated[
        str | None, typer.Option(metavar="ISO", help="The last instant that counts.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show when a recurrence would run, without storing anything.

    With both CRON and --every, CRON counts; where it is invalid, --every takes its place.
    """
    call = Call.of(context, as_json=as_json)
    faults: list[Fault] = []
    if not 1 <= count <= MOST_INSTANTS:
        faults.append(fault("-n", f"an integer from 1 to {MOST_INSTANTS}", str(count)))
    asked = {"cron": cron, "every": every, "tz": tz, "limit": limit, "endDate": end_date}
    repeat = {name: value for name, value in asked.items() if value is not None}
    instants = _computed(repeat, _after(after, tz, faults), count, faults)
    if every is not None and cron is not None:
        _tell_if_invalid(cron, tz)
    at = [round(instant.timestamp() * 1_000) for instant in instants]
    call.show([times.iso(one) for one in at], human=lambda: _instants(at, tz))


def _computed(
    repeat: Mapping[str, object], since: datetime, count: int, faults: list[Fault]
) -> list[datetime]:
    """Return the instants; raises `ValidationError` with what else is wrong beside `faults`."""
    try:
        instants = ductape.preview(repeat, after=since, n=0 if faults else count)
    except ValidationError as error:
        raise ValidationError([*faults, *error.errors]) from error
    if faults:
        raise ValidationError(faults)
    return instants


def _tell_if_invalid(cron: str, tz: str | None) -> None:
    """Say that the period counts in a wrong expression's place: a slip of the finger is seen."""
    alone = {"cron": cron} if tz is None else {"cron": cron, "tz": tz}
    try:
        ductape.preview(alone, after=times.moment(now_ms()), n=1)
    except ValidationError as error:
        output.note(f"{error.message}; --every takes its place")


def _after(given: str | None, tz: str | None, faults: list[Fault]) -> datetime:
    if given is None:
        return times.moment(now_ms())
    zones = PackagedZones()
    zone = zones.get(tz) if tz in zones.names() else UTC
    found = read_instant(float(given) if _figure(given) else given, path="--after", zone=zone)
    if isinstance(found, int):
        return times.moment(found)
    faults.append(found)
    return times.moment(0)


def _figure(text: str) -> bool:
    return text.isascii() and text.replace(".", "", 1).isdigit()


def _instants(at: list[int], tz: str | None) -> RenderableType | None:
    if not at:
        output.note("there is no instant after that")
        return None
    zone = None if tz is None else PackagedZones().get(tz)
    now = now_ms()
    columns = [
        tables.Column("#", right=True, keep=2),
        tables.Column("LOCAL TIME" if tz is None else tz),
        tables.Column("UTC"),
        tables.Column("FROM NOW", keep=1),
    ]
    rows = [
        [str(place), times.zone_time(one, zone), times.iso(one), times.relative(one, now)]
        for place, one in enumerate(at, 1)
    ]
    return tables.table(columns, rows, width=output.screen_width())
