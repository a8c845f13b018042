"""`ductape`: the commands joined, the options before them, and the outer edge (SPEC 13)."""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from typer.completion import (
    completion_init,  # pyright: ignore[reportPrivateImportUsage] (Typer exports it nowhere)
)

from ductape.cli import caches, importing, jobs, keeping, products, queues, secrets, sessions, vault
from ductape.cli.calling import Globals, JsonOption, StoreOption
from ductape.cli.completion import completion
from ductape.cli.demo import demo
from ductape.cli.doctor import doctor
from ductape.cli.drawing import output, problems
from ductape.cli.preview import preview
from ductape.cli.scheduling import schedule
from ductape.cli.starting import init
from ductape.cli.store import migrate
from ductape.cli.workers import worker, workers
from ductape.errors import DuctapeError

DISTRIBUTION = "ductape-jobs"
NAME = "ductape"

app = typer.Typer(
    name=NAME,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 (Typer calls it with the flag)
    if wanted:
        output.line(f"{NAME} {version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    *,
    store: StoreOption = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The settings; `./ductape.toml` if none."),
    ] = None,
    as_json: JsonOption = False,
    _: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Schedule jobs durably, run them, and see what became of them."""
    context.obj = Globals(store, config, as_json)


for command in (init, products.apply, schedule, preview):
    app.command()(command)
app.add_typer(jobs.app, name="jobs")
app.add_typer(products.app, name="products")
app.add_typer(importing.app, name="import")
app.add_typer(sessions.app, name="sessions")
app.add_typer(secrets.app, name="secrets")
app.add_typer(caches.app, name="caches")
app.add_typer(queues.app, name="queues")
app.add_typer(vault.app, name="vault")
app.add_typer(keeping.app, name="store")
for command in (worker, workers, migrate, doctor, demo, completion):
    app.command()(command)


def run() -> None:
    """Carry out this process's arguments and exit with the command's code."""
    output.escape_what_cannot_be_said()
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Carry out a command; return its exit code. No error leaves here as a traceback."""
    try:
        return _command(arguments)
    except DuctapeError as error:
        return problems.tell_error(error)
    except typer.TyperException as error:
        return problems.tell_misuse(error)
    except (typer.Abort, KeyboardInterrupt):
        return problems.tell_interrupted()
    except Exception as error:  # noqa: BLE001 (the outer edge of the terminal: told in one line)
        if isinstance(error, OSError) and output.is_stuck():
            return output.unwritten(error)  # Typer prints the help by itself
        return problems.tell_bug(error)


def _command(arguments: Sequence[str]) -> int:
    completion_init()  # registers the shells that `ductape completion` writes scripts for
    command = typer.main.get_command(app)
    try:
        code: object = command.main([*arguments], prog_name=NAME, standalone_mode=False)
    except SystemExit as ended:  # Typer's own, where the reader of the help is gone
        if isinstance(ended.__context__, BrokenPipeError):
            return output.BROKEN_PIPE
        raise
    if code == problems.INTERRUPTED:  # Typer's own way to take a Ctrl-C
        return problems.tell_interrupted()
    return code if isinstance(code, int) else 0
