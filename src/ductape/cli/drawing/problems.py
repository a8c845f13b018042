"""Errors as lines and exit codes: what, where, what to do; never a traceback (SPEC 13).

Exit codes: 0 done, 1 the job failed or was cancelled, 2 bad use or bad input, 3 the store is out
of reach, or standard output takes no more, 4 the wait timed out. Beside them, as of any tool: 70
a fault of ours, 130 interrupted, 141 the reader of the output is gone.
"""

import logging
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager

import typer

from ductape.app.configuration.settings import debugging
from ductape.cli.drawing.output import plain, tell, warn
from ductape.errors import (
    DuctapeError,
    JobCancelled,
    JobFailed,
    NotFound,
    ResultTimeout,
    ValidationError,
)

BAD_USE = 2
OUR_FAULT = 70
INTERRUPTED = 130

MOST_FAULTS = 20
"""How many of a request's faults are told; no reader gains by more."""


def tell_error(error: DuctapeError) -> int:
    """Tell an error in its one to three lines, or fault by fault; return its exit code."""
    first, *rest = error_lines(error)
    tell(f"error: {first}", "red")
    for further in rest:
        tell(f"  {further}")
    _trace(error)
    return error.exit_code


def tell_misuse(error: typer.TyperException) -> int:
    """Tell what is wrong with the command's words; return the exit code for it."""
    said = " ".join(error.format_message().split()).replace("Value error, ", "")
    if said:
        tell(f"error: {said[:1].lower()}{said[1:]}", "red")
        tell(f"  hint: `{_command_of(error)} --help`")
    return BAD_USE


def tell_bug(error: Exception) -> int:
    """Own up to an error that nobody foresaw, in one line; return the exit code for it."""
    said = " ".join(str(error).split()) or "without a message"
    how = "" if debugging() else " (DUCTAPE_DEBUG=1 shows the traceback)"
    tell(f"error: this is a fault of ductape: {type(error).__name__}: {said}{how}", "red")
    _trace(error)
    return OUR_FAULT


def tell_interrupted() -> int:
    """Say that a person ended the command; return the exit code for it."""
    tell("interrupted")
    return INTERRUPTED


def error_lines(error: DuctapeError) -> list[str]:
    """Return what to print: every fault of a refused request, else what, where and the hint."""
    if isinstance(error, ValidationError):
        told = [fault["message"] for fault in error.errors[:MOST_FAULTS]]
        left = len(error.errors) - len(told)
        return [*told, f"and {left} more"] if left else told
    lines = [error.message]
    if error.path is not None and error.path not in error.message:
        lines.append(f"at: {error.path}")
    hint = _hint(error)
    return lines if hint is None or hint in error.message else [*lines, f"hint: {hint}"]


@contextmanager
def plain_warnings() -> Generator[None]:
    """Print what the library warns of as plain lines while a command runs."""
    log = logging.getLogger("ductape")
    handler = _WarningLines(logging.WARNING)
    propagates, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = propagates


class _WarningLines(logging.Handler):
    """Prints records as `warning: …`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        warn(" ".join(record.getMessage().split()))


def _hint(error: DuctapeError) -> str | None:
    """Return what to do, in the words of the terminal."""
    if error.hint is not None:
        return error.hint
    match error:
        case JobFailed() | JobCancelled():
            return f"`ductape jobs show {error.job_id}`, then `ductape jobs retry {error.job_id}`"
        case ResultTimeout():
            return f"`ductape jobs watch {error.job_id}` waits on"
        case NotFound():
            return None
        case _:
            return error.remedy


def _command_of(error: typer.TyperException) -> str:
    context: object = getattr(error, "ctx", None)
    path: object = getattr(context, "command_path", None)
    return path if isinstance(path, str) else "ductape"


def _trace(error: Exception) -> None:
    if debugging():
        sys.stderr.write(plain("".join(traceback.format_exception(error))))
