"""What a command reads: a file, or standard input for `-`; tokens and secrets among it (SPEC 13).

A secret is never an argument: arguments stand in process lists and shell histories.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import typer

from ductape.cli.drawing.output import note
from ductape.domain.files.remedies import TO_READ
from ductape.domain.found import kind_of
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ConfigError, Fault, NotFound, ValidationError, fault, invalid

STDIN = "-"

HOW = "give FILE, or pipe it in"

MOST_BYTES = 67_108_864
"""Of what is read, 64 MiB: a batch of jobs."""


def text_of(source: str) -> str:
    """Return the text of a file, or of standard input for `-`.

    Raises `NotFound`, `ConfigError` for a file that cannot be read, `ValidationError` for one
    that is no text.
    """
    content = _stdin() if source == STDIN else _file(Path(source))
    if len(content) > MOST_BYTES:
        raise invalid(_name(source), f"at most {MOST_BYTES} bytes", "more")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"another byte at {error.start}"
        raise invalid(_name(source), "text in UTF-8", found) from error


def value_of(source: str) -> JsonValue:
    """Return the JSON or YAML value of a file, or of standard input for `-`."""
    suffix = "" if source == STDIN else Path(source).suffix
    text = text_of(source)
    with _naming(_name(source)):
        return _value(text, suffix)


def object_of(source: str, inline: str | None, path: str) -> JsonObject:
    """Return the object given inline, else that of a file or of standard input."""
    if inline is None:
        value, hint = value_of(source), HOW
    else:
        with _naming(f"--{path}"):
            value, hint = _value(inline), None
    if value is None:
        raise invalid(path, "an object", "nothing", hint=hint)
    if not isinstance(value, dict):
        raise invalid(path, "an object", kind_of(value))
    return value


def token_of(source: str, inline: str | None, key: str) -> str:
    """Return a token given inline, else that of a file or of standard input.

    What `sessions start --json` prints will do: its member `key` is taken.
    """
    text = (text_of(source) if inline is None else inline).strip()
    if not text:
        raise invalid(key, "a token", "nothing", hint=HOW if inline is None else None)
    if not text.startswith("{"):
        return text
    pair = cast("JsonObject", _value(text))
    token = pair.get(key)
    if not isinstance(token, str):
        raise invalid(key, "a token", "none in the object that was given")
    return token


def secret_value(name: str) -> str:
    """Return a secret's value: asked for where a person sits there, else from standard input.

    One line break at the end is not part of it.
    """
    if sys.stdin.isatty():
        asked: str = typer.prompt(f"Value of {name}", hide_input=True, err=True)
        return asked
    return text_of(STDIN).removesuffix("\n").removesuffix("\r")


def _value(text: str, suffix: str = "") -> JsonValue:
    from ductape.app.texts import read_value  # noqa: PLC0415 (the engine loads when it is needed)

    return read_value(text, suffix=suffix)


def _stdin() -> bytes:
    if sys.stdin.isatty():
        note("reading standard input; end it with Ctrl-D")
    return sys.stdin.buffer.read(MOST_BYTES + 1)


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}", path=str(path)) from error
    except OSError as error:
        said = f"{path} cannot be read: {error.strerror}"
        raise ConfigError(said, path=str(path), hint=TO_READ) from error


@contextmanager
def _naming(name: str) -> Generator[None]:
    """Say in which file or option a fault is, where it has no place of its own."""
    try:
        yield
    except ValidationError as error:
        raise ValidationError([_in(name, one) for one in error.errors]) from error


def _in(name: str, wrong: Fault) -> Fault:
    return fault(wrong["path"] or name, wrong["expected"], wrong["found"], hint=wrong.get("hint"))


def _name(source: str) -> str:
    return "standard input" if source == STDIN else source
