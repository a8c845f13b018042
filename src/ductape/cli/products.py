"""`ductape apply` and `ductape products`: declaring products and looking at them (SPEC 8, 13)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.console import Group, RenderableType
from rich.text import Text

from ductape.cli.calling import Call, JsonOption, StoreOption, now_ms
from ductape.cli.drawing import output, tables, times
from ductape.cli.reading import STDIN, object_of

if TYPE_CHECKING:  # the engine loads when it is needed
    from ductape.domain.product import Change
    from ductape.services.products.applied import AppliedProduct
    from ductape.services.products.applying import ProductSummary, ProductView

app = typer.Typer(no_args_is_help=True, help="Look at the products that were applied.")

_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}

Tag = Annotated[str, typer.Argument(metavar="TAG", help="The product's tag.")]


def apply(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="YAML, TOML or JSON; `-` is standard input.")
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the diff, store nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where live jobs would be stranded.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store a product's document as its new version. An unchanged one changes nothing."""
    call = Call.of(context, store, as_json=as_json)
    source = object_of(STDIN, None, "standard input") if file == STDIN else Path(file)
    applied = call.ask(lambda here: here.products.apply(source, dry_run=dry_run, force=force))
    call.show(applied, human=lambda: _applied(applied, dry_run=dry_run))
    if not call.as_json:
        _warn(applied, refused=dry_run and not force)


@app.command("list")
def list_products(
    context: typer.Context, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """List the products, each in its current version."""
    call = Call.of(context, store, as_json=as_json)
    found = call.ask(lambda here: here.products.list())
    call.show(
        found, human=lambda: _summaries(found, "there is no product yet: `ductape apply FILE`")
    )


@app.command()
def versions(
    context: typer.Context, tag: Tag, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """List a product's versions, newest first."""
    call = Call.of(context, store, as_json=as_json)
    found = call.ask(lambda here: here.products.versions(tag))
    call.show(found, human=lambda: _summaries(found, ""))


@app.command()
def show(
    context: typer.Context,
    tag: Tag,
    *,
    version: Annotated[
        int | None, typer.Option("--version", help="Another than the current one.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a product's document."""
    call = Call.of(context, store, as_json=as_json)
    view = call.ask(lambda here: here.products.get(tag, version=version))
    call.show(view, human=lambda: _document(view))


@app.command()
def diff(
    context: typer.Context,
    tag: Tag,
    from_: Annotated[
        int | None, typer.Argument(metavar="[FROM]", help="A version; the one before TO.")
    ] = None,
    to: Annotated[
        int | None, typer.Argument(metavar="[TO]", help="A later version; the current one.")
    ] = None,
    *,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two versions of a product."""
    call = Call.of(context, store, as_json=as_json)
    found = call.ask(lambda here: here.products.diff(tag, from_, to))
    call.show(found, human=lambda: _differences(found))


@app.command()
def rollback(
    context: typer.Context,
    tag: Tag,
    version: Annotated[
        int | None,
        typer.Argument(metavar="[VERSION]", help="Which one; the one before the current."),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the diff, store nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where live jobs would be stranded.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Apply an earlier version of a product again, as its new version."""
    call = Call.of(context, store, as_json=as_json)
    applied = call.ask(
        lambda here: here.products.rollback(tag, version, dry_run=dry_run, force=force)
    )
    call.show(applied, human=lambda: _applied(applied, dry_run=dry_run))
    if not call.as_json:
        _warn(applied, refused=dry_run and not force)


def _differences(found: "list[Change]") -> RenderableType | None:
    if not found:
        output.note("nothing differs")
        return None
    return Group(*_changes(found, ""))


def _changes(found: "list[Change]", margin: str) -> list[Text]:
    return [
        Text(output.one_line(f"{margin}{sign} {change['path']}"), style)
        for change in found
        for sign, style in [_SIGNS[change["op"]]]
    ]


def _applied(applied: "AppliedProduct", *, dry_run: bool) -> RenderableType:
    tag, version = applied["tag"], applied["version"]
    lines: list[Text] = []
    if applied["changed"]:
        done = f"would become version {version + 1}" if dry_run else f"version {version}"
        lines.append(Text(f"{tag}: {done}", "bold"))
    else:
        lines.append(Text(f"{tag}: unchanged, version {version}"))
    lines += _changes(applied["diff"], "  ")
    would = "would be " if dry_run else ""
    for one in applied["schedules"]:
        said = f"  schedule {one['tag']} in {one['env']}: {would}{one['op']}"
        job = f" (job {one['job_id']})" if one["job_id"] else ""
        lines.append(Text(output.one_line(f"{said}{job}")))
    return Group(*lines)


def _warn(applied: "AppliedProduct", *, refused: bool) -> None:
    for warning in applied["warnings"]:
        output.warn(warning)
    for job in applied["stranded"]:
        output.warn(f"job {job['job_id']} ({job['event']}) would be stranded: {job['reason']}")
    if applied["stranded"] and refused:
        output.warn("without `--force` this would be refused")


def _summaries(found: "list[ProductSummary]", none: str) -> RenderableType | None:
    if not found:
        output.note(none)
        return None
    now = now_ms()
    columns = [
        tables.Column("TAG"),
        tables.Column("VERSION", right=True),
        tables.Column("NAME", keep=2, whole=False),
        tables.Column("APPLIED", keep=1),
        tables.Column("AT", keep=3),
    ]
    rows = [
        [
            one["tag"],
            str(one["version"]),
            one["name"] or "-",
            times.relative(one["applied_at"], now),
            times.clock_time(one["applied_at"]),
        ]
        for one in found
    ]
    return tables.table(columns, rows, width=output.screen_width())


def _document(view: "ProductView") -> RenderableType:
    applied = times.full_time(view["applied_at"], now_ms())
    written: str = yaml.safe_dump(view["document"], sort_keys=False, allow_unicode=True)
    return Group(
        Text(f"# {view['tag']}, version {view['version']}, applied {applied}", "dim"),
        Text(output.plain(written.rstrip())),
    )
