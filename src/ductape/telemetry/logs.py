"""Logs as a person or a machine reads them: standard records through structlog (SPEC 17).

Library code logs with `logging.getLogger("ductape…")` and knows nothing of this. Here a process
decides: coloured lines on a terminal, one JSON object a line elsewhere. No secret leaves: what a
caller names, what a key's name gives away, and what looks like a token is shown as `***`. What
comes from elsewhere cannot begin a line of its own, nor steer a terminal.
"""

import logging
import re
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ductape.domain.found import MASK, secret
from ductape.domain.masking import mask

LogForm = Literal["console", "json"]

CONTEXT = ("job", "run", "attempt")
"""What a record may tell beside its message, given as `extra`."""

_TOKEN = re.compile(
    r"\beyJ[\w-]+(?:\.[\w-]*){2,4}"  # a JWT or a JWE
    r"|\bdk_[\w-]{8,}"  # an API key of ours
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # user and password in a URL
    r"|(?i:(?<=\bbearer )|(?<=\bbasic ))[\w.~+/=-]{8,}"
)
_TRIES = "psycopg.pool"
"""Warns at each try to reach a server that is away, several a second; we tell of it once."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@contextmanager
def log_to(
    stream: TextIO,
    *,
    form: LogForm | None = None,
    level: int = logging.INFO,
    secrets: Iterable[str] = (),
) -> Generator[None]:
    """Send every record of this process to a stream, as long as the block lasts.

    Without a `form` a terminal gets lines for people, anything else JSON. `secrets` are hidden
    wherever they stand. Afterwards the stream may be closed: nothing is written to it any more.
    """
    chosen = form or ("console" if stream.isatty() else "json")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(chosen, secrets=[*secrets], colours=stream.isatty()))
    handler.addFilter(_is_told)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def _is_told(record: logging.LogRecord) -> bool:
    """Leave out what a library says of an outage beside what we say."""
    return record.name != _TRIES or record.levelno > logging.WARNING


def formatter(
    form: LogForm, *, secrets: Sequence[str] = (), colours: bool = False
) -> logging.Formatter:
    """Make what turns one record into one line."""
    before: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(CONTEXT),
        _stamped,
    ]
    after: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _hiding(secrets),
        _on_one_line if form == "console" else _as_it_is,
        _renderer(form, colours=colours),
    ]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=after)


def _renderer(form: LogForm, *, colours: bool) -> Processor:
    match form:
        case "console":
            return structlog.dev.ConsoleRenderer(
                colors=colours, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            )
        case "json":
            return structlog.processors.JSONRenderer(ensure_ascii=False)


def _stamped(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Tell when the record was made, in UTC."""
    record = cast("logging.LogRecord", event["_record"])
    at = datetime.fromtimestamp(record.created, UTC)
    event["timestamp"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


def _hiding(secrets: Sequence[str]) -> Processor:
    def hide(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {name: _hidden(name, value, secrets) for name, value in event.items()}

    return hide


def _hidden(name: str, value: object, secrets: Sequence[str]) -> object:
    if secret(name):
        return MASK
    return _TOKEN.sub(MASK, mask(value, secrets)) if isinstance(value, str) else value


def _on_one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Escape what would steer a terminal; a traceback keeps its lines."""
    return {name: _safe(name, value) for name, value in event.items()}


def _safe(name: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if name != "exception":
        return _CONTROLS.sub(_escaped, value)
    return "\n".join(_CONTROLS.sub(_escaped, line) for line in value.split("\n"))


def _as_it_is(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return event  # JSON escapes what would steer a terminal


def _escaped(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode()
