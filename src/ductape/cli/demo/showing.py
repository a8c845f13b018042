"""Plays the demo to a person at a terminal, to a pipe, or to a machine, and tells how it went."""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from rich.console import Console

from ductape.app.configuration.loading import sqlite_path
from ductape.cli.demo.checks import check_all
from ductape.cli.demo.document import report_document
from ductape.cli.demo.report import print_report, print_scene
from ductape.cli.demo.staging import Audience, Outcome, Scene, perform
from ductape.cli.demo.story import Act, Pace
from ductape.cli.demo.watching import Look, live_table, plain_lines
from ductape.cli.drawing import output
from ductape.domain.wire import JobView
from ductape.errors import ConfigError

Manner = Literal["live", "plain", "json"]

PACE = Pace()


def show(store: str | None, manner: Manner) -> bool:
    """Play the demo and print how it went; return whether all was as it should be.

    `store` is a new file, or its URL. Raises `ConfigError` for one that exists already.
    """
    console = Console(no_color=True if manner == "plain" else None, highlight=False)
    with _place(store) as path:
        outcome = _played(path, manner, console, kept=store is not None)
    checks = check_all(outcome)
    if manner == "json":
        output.show_json(report_document(outcome, checks))
    else:
        print_report(console, outcome, checks)
    return all(check.passed for check in checks)


@contextmanager
def _place(store: str | None) -> Generator[Path, None, None]:
    """Yield where the store goes."""
    if store is None:
        with TemporaryDirectory(prefix="ductape-demo-") as folder:
            yield Path(folder, "demo.db")
        return
    path = Path(sqlite_path(store))
    if path.exists():
        # The demo's worker would execute whatever else is due there.
        raise ConfigError(f"--store: {path} exists already", path="--store", hint="name a new file")
    yield path


def _played(path: Path, manner: Manner, console: Console, *, kept: bool) -> Outcome:
    with _look(manner, console) as look:

        def scene(stands: Scene) -> None:
            if manner != "json":
                print_scene(console, stands, kept=kept)

        return asyncio.run(perform(str(path), PACE, Audience(scene, look)))


def _look(manner: Manner, console: Console) -> AbstractContextManager[Look]:
    match manner:
        case "live" if console.is_terminal:
            return live_table(console)
        case "live" | "plain":
            return plain_lines(console)
        case "json":
            return nullcontext(_unseen)


def _unseen(acts: Sequence[Act], jobs: Sequence[JobView], now_ms: int) -> None:
    """Look at nothing: a machine waits for the end."""
    del acts, jobs, now_ms
