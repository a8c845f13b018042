"""Everything that a command prints: JSON for programs, tables and lines for people (SPEC 13).

Standard output has the answer and nothing else; notes and warnings go to standard error. What
comes from elsewhere (a job's event, an error's text) cannot steer the terminal.
"""

import codecs
import io
import os
import re
import sys
from collections.abc import Callable, Mapping
from shutil import get_terminal_size
from typing import cast

import msgspec
import typer
from rich.console import Console, RenderableType
from rich.text import Text

from ductape.errors import StoreError

BROKEN_PIPE = 141
"""The exit code where the reader of our output went away: 128 + SIGPIPE, as of any tool."""
UNWRITABLE = StoreError.exit_code
"""Where the answer cannot be written: something outside is out of reach."""

UNBOUNDED = 10_000
"""Columns where nobody looks at a screen, so that a pipe gets whole lines."""

STYLES: Mapping[str, str] = {
    "completed": "green",
    "running": "cyan",
    "queued": "yellow",
    "failed": "bold red",
    "lost": "red",
    "cancelled": "dim",
    "paused": "magenta",
}
"""How a status looks; the others look plain."""

_ESCAPING = "ductape.escaping"
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escape_what_cannot_be_said() -> None:
    """Let a standard output that is not in UTF-8 take every text, the JSON still valid."""
    codecs.register_error(_ESCAPING, _unsayable)
    if isinstance(sys.stdout, io.TextIOWrapper):
        cast("io.TextIOWrapper", sys.stdout).reconfigure(errors=_ESCAPING)


def show_json(value: object) -> None:
    """Print a value as JSON and nothing else."""
    encoded = msgspec.json.format(msgspec.json.encode(value), indent=2)
    emit(encoded.decode() + "\n")


def show_json_line(value: object) -> None:
    """Print a value as one line of JSON, for a stream of them."""
    emit(msgspec.json.encode(value).decode() + "\n")


def show(*parts: RenderableType) -> None:
    """Print tables and lines as wide as the terminal."""
    quietly(lambda: _write(_drawn(parts)))


def line(text: str) -> None:
    """Print one line, never wrapped."""
    emit(f"{one_line(text)}\n")


def note(text: str) -> None:
    """Tell a person something beside the answer."""
    tell(text, "dim")


def warn(text: str) -> None:
    """Warn a person."""
    tell(f"warning: {text}", "yellow")


def tell(text: str, style: str = "") -> None:
    """Print one line to standard error, never wrapped."""
    console = Console(file=sys.stderr, highlight=False)
    console.print(Text(one_line(text), style), soft_wrap=True)


def stdout_console() -> Console:
    """Return a console for standard output: as wide as the terminal, unbounded for a pipe."""
    return Console(file=sys.stdout, highlight=False, width=screen_width())


def screen_width() -> int:
    """Return how many columns there are: the terminal's, or those of `COLUMNS`."""
    return get_terminal_size((UNBOUNDED, 0)).columns


def status_text(status: str) -> Text:
    """Return a status in its colour."""
    return Text(plain(status), STYLES.get(status, ""))


def json_text(value: object) -> str:
    """Return a value as indented JSON for a person."""
    return plain(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def plain(text: str) -> str:
    r"""Show characters that would steer a terminal as escapes.

    >>> print(plain("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return _CONTROLS.sub(_escaped, text)


def one_line(text: str) -> str:
    """Return a text that cannot pretend to be several lines."""
    return plain(" ".join(text.split("\n")))


def emit(text: str) -> None:
    """Write to standard output; where it takes no more, end."""
    quietly(lambda: _write(text))


def quietly(write: Callable[[], object]) -> None:
    """Write something; where the reader is gone, end the command without a word.

    Where there is no room, as on a full disk, it ends with one line.
    """
    try:
        write()
    except OSError as error:
        raise typer.Exit(unwritten(error)) from error


def unwritten(error: OSError) -> int:
    """Give up standard output and say why, if to anybody; return the exit code for it."""
    leave_stdout()
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    tell(f"error: standard output cannot be written: {error.strerror}", "red")
    return UNWRITABLE


def is_stuck() -> bool:
    """Return whether standard output takes not even an empty line, which it is given."""
    try:
        _write("\n")
    except OSError:
        return True
    return False


def leave_stdout() -> None:
    """Point standard output nowhere, so that the interpreter's last flush can end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _drawn(parts: tuple[RenderableType, ...]) -> str:
    """Return what a console makes of parts; at the end it touches its file."""
    console = stdout_console()
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _escaped(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape", "surrogatepass").decode()


def _unsayable(error: UnicodeError) -> tuple[str, int]:
    r"""Escape as JSON does: Python's own `\xfc` and `\U0001f600` are none of its escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = zip(units[::2], units[1::2], strict=True)
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in pairs), error.end
