"""`ductape init`: a folder to begin in (SPEC 13)."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from ductape.cli.drawing import output
from ductape.domain.files.remedies import TO_WRITE
from ductape.errors import ConfigError, Conflict

FILES = ("ductape.toml", "product.yaml", "handlers.py")

NEXT_STEPS = """\
ductape apply product.yaml
echo '{"product_tag": "hello", "env": "dev", "event": "greet", "start_at": 0,
       "input": {"name": "Ada"}}' | ductape schedule - --wait
ductape jobs list
ductape worker"""


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to write; this folder if none.")
    ] = Path(),
) -> None:
    """Write a settings file, a product and a handler to begin with. Nothing is overwritten."""
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        raise Conflict(
            f"{folder}: {', '.join(there)} is there already, so nothing was written",
            path=str(folder),
            hint="choose another folder: `ductape init FOLDER`",
        )
    for name in FILES:
        _write(folder / name, (files("ductape.cli.starter") / name).read_text(encoding="utf-8"))
        output.line(f"wrote {folder / name}")
    output.emit(f"\nNext{_move(folder)}:\n\n{_indented(NEXT_STEPS)}\n")


def _write(path: Path, text: str) -> None:
    """Write a file that is not there; raises `ConfigError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        said = f"{path} cannot be written: {error.strerror}"
        raise ConfigError(said, path=str(path), hint=TO_WRITE) from error


def _move(folder: Path) -> str:
    return "" if folder == Path() else f", in {folder}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
