"""`ductape import`: apps out of OpenAPI and Postman documents (SPEC 13).

A product's document goes to a file, or to standard output; what was left aside is always told.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ductape.cli.calling import Call, JsonOption, carried_out
from ductape.cli.drawing import output
from ductape.cli.drawing.progress import working
from ductape.domain.files.remedies import TO_WRITE
from ductape.errors import ConfigError, Conflict, invalid

if TYPE_CHECKING:  # the engine loads when it is needed
    from ductape.app.importing import Imports
    from ductape.importers import Imported, LeftOut

app = typer.Typer(no_args_is_help=True, help="Make apps of documents that their makers publish.")

Source = Annotated[str, typer.Argument(metavar="FILE|URL", help="The document: JSON or YAML.")]
ProductOption = Annotated[
    str | None,
    typer.Option(
        "--product", metavar="TAG", help="Make a new product of this tag; the app's if none."
    ),
]
EnvOption = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="ENV[=SERVER]",
        help="An env that the app is in (`dev` if none), with a server of its own. Repeatable.",
    ),
]
IntoOption = Annotated[
    Path | None, typer.Option("--into", metavar="FILE", help="Join the product in this file.")
]
AppOption = Annotated[
    str | None, typer.Option("--app", metavar="TAG", help="The app's tag; its title if none.")
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write the product here: .yaml, .yml or .json."),
]
ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL|N|WORDS",
        help="A URL, the number of one of the document's servers, or words that it has.",
    ),
]
VarOption = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="A variable's value. Repeatable."),
]
AuthOption = Annotated[
    str,
    typer.Option(
        "--auth",
        metavar="AUTH",
        help="Sent where the document has nothing: bearer, basic, header:NAME or query:NAME.",
    ),
]
PrefixOption = Annotated[
    str, typer.Option("--prefix", metavar="TEXT", help="What the actions' tags begin with.")
]
ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Replace the actions of an app that is there.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite the file of --out.")]
PrivateOption = Annotated[
    bool,
    typer.Option("--allow-private", help="Let the app ask to reach private addresses."),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Tell what would be made, write nothing.")
]


@app.command()
def openapi(  # noqa: PLR0913 (a document leaves so much open)
    context: typer.Context,
    source: Source,
    *,
    product: ProductOption = None,
    env: EnvOption = None,
    into: IntoOption = None,
    app_tag: AppOption = None,
    out: OutOption = None,
    server: ServerOption = None,
    var: VarOption = None,
    auth: AuthOption = "",
    prefix: PrefixOption = "",
    allow_url: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-url",
            metavar="PREFIX",
            help="URLs that the document's references may lead to. Repeatable.",
        ),
    ] = None,
    allow_private: PrivateOption = False,
    replace: ReplaceOption = False,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make an app of an OpenAPI document of 3.0 to 3.2: every operation becomes an action."""
    call = Call.of(context, as_json=as_json)
    made = _imported(
        call,
        lambda imports: imports.openapi(
            source,
            product=product,
            envs=_pairs(env, "--env"),
            app=app_tag,
            into=into,
            replace=replace,
            server=server,
            variables=_values(var),
            auth=auth,
            prefix=prefix,
            allow_private=allow_private,
            allow_urls=allow_url or [],
        ),
    )
    target = None if dry_run else out or into
    _finish(call, made, target, force=force or target == into, dry_run=dry_run)


@app.command()
def postman(  # noqa: PLR0913 (a document leaves so much open)
    context: typer.Context,
    source: Source,
    *,
    product: ProductOption = None,
    env: EnvOption = None,
    into: IntoOption = None,
    app_tag: AppOption = None,
    out: OutOption = None,
    server: ServerOption = None,
    var: VarOption = None,
    environment: Annotated[
        list[str] | None,
        typer.Option(
            "--environment",
            metavar="[ENV=]FILE",
            help="An exported Postman environment, for one env or for all. Repeatable.",
        ),
    ] = None,
    auth: AuthOption = "",
    prefix: PrefixOption = "",
    allow_private: PrivateOption = False,
    replace: ReplaceOption = False,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make an app of a Postman collection (2.0 or 2.1): every request becomes an action."""
    call = Call.of(context, as_json=as_json)
    made = _imported(
        call,
        lambda imports: imports.postman(
            source,
            product=product,
            envs=_pairs(env, "--env"),
            app=app_tag,
            into=into,
            replace=replace,
            server=server,
            variables=_values(var),
            environments=_files(environment),
            auth=auth,
            prefix=prefix,
            allow_private=allow_private,
        ),
    )
    target = None if dry_run else out or into
    _finish(call, made, target, force=force or target == into, dry_run=dry_run)


def _imported(call: Call, ask: "Callable[[Imports], Awaitable[Imported]]") -> "Imported":
    from ductape.app.importing import importing  # noqa: PLC0415 (the engine loads when needed)

    async def work() -> "Imported":
        async with importing(call.config) as imports:
            return await ask(imports)

    with working("importing"):
        return carried_out(work)


def _finish(
    call: Call, made: "Imported", target: Path | None, *, force: bool, dry_run: bool
) -> None:
    """Write the product, and tell what came of the import."""
    from ductape.importers import written  # noqa: PLC0415 (the engine loads when needed)

    if target is not None:
        if _has_comments(target):
            output.warn(f"the comments of {target} are not kept")
        _write(target, written(made["document"], target.suffix), force=force)
    if call.as_json:
        rest = {name: value for name, value in made.items() if name != "document"}
        document = {} if target is not None else {"document": made["document"]}
        output.show_json({"out": None if target is None else str(target), **rest, **document})
        return
    printed = target is None and not dry_run
    if printed:
        output.emit(written(made["document"], ".yaml"))
    for text in report_lines(made, target):
        (output.tell if printed else output.line)(text)


def report_lines(made: "Imported", target: Path | None) -> list[str]:
    """Return what a person reads of an import."""
    operations = made["counts"].get("operation", {"found": 0, "imported": 0, "skipped": 0})
    apps = ", ".join(made["apps"]) or "no app"
    share = f"{operations['imported']} of {operations['found']} operations"
    lines = [f"{made['format']}: {share} are actions of {apps}"]
    lines += [f"wrote {target}"] if target is not None else []
    lines += [
        f"{kind}: {count['found']} found, {count['imported']} imported, {count['skipped']} skipped"
        for kind, count in made["counts"].items()
        if kind != "operation"
    ]
    lines += [f"skipped {one['kind']} {one['place']}: {one['reason']}" for one in made["skipped"]]
    alike: dict[tuple[str, str], list[LeftOut]] = {}
    for one in made["left_out"]:
        alike.setdefault((one["part"].partition(" ")[0], one["reason"]), []).append(one)
    for first, *rest in alike.values():
        more = f" and {len(rest)} more (`--json` lists all)" if rest else ""
        lines.append(f"left out {first['part']} of {first['place']}{more}: {first['reason']}")
    lines += [f"note: {text}" for text in made["notes"]]
    return lines + [f"still to do: {one['command']}" for one in made["secrets"]]


def _write(path: Path, text: str, *, force: bool) -> None:
    """Write a file whole or not at all; raises `Conflict` where one is there."""
    if not force and path.exists() and path.stat().st_size:
        hint = "`--into` joins it, `--force` overwrites it"
        raise Conflict(f"{path} is there already", path=str(path), hint=hint)
    path = path.resolve()  # What a link leads to is written, not the link.
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        said = f"{path} cannot be written: {error.strerror}"
        raise ConfigError(said, path=str(path), hint=TO_WRITE) from error


def _has_comments(path: Path) -> bool:
    """Tell whether a file that is about to be written anew has lines for people alone."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return any(line.lstrip().startswith("#") for line in lines)


def _pairs(given: list[str] | None, option: str) -> dict[str, str | None]:
    pairs: dict[str, str | None] = {}
    for text in given or []:
        name, mark, value = text.partition("=")
        if not name or (mark and not value):
            raise invalid(option, "`ENV` or `ENV=SERVER`", repr(text[:40]))
        pairs[name] = value or None
    return pairs


def _values(given: list[str] | None) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in given or []:
        name, mark, value = text.partition("=")
        if not name or not mark:
            raise invalid("--var", "`NAME=VALUE`", "another text")
        values[name] = value
    return values


def _files(given: list[str] | None) -> dict[str, str | Path]:
    parts = [text.rpartition("=") for text in given or []]
    return {env: Path(file) for env, _, file in parts}
