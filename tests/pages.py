"""Running the examples of a documentation page as its reader would.

The Python blocks of a page are one program, read from top to bottom: after the block that opens
`async with Ductape.open(…) as ductape:` every later block stands inside of it, and may await. A
block with `asyncio.run(` is a whole program of its own. What a page prints is what its `text`
blocks say, in order; `…` there stands for anything within a line.
"""

import ast
import asyncio
import builtins
import io
import re
import sys
import textwrap
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import cast

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_OPENS = re.compile(r"^async with Ductape\.open\(", re.MULTILINE)
_INSIDE = "    "


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    words: tuple[str, ...]
    """What follows the fence, such as `python` or `sh run`."""
    text: str
    line: int
    """Of the page, from 1: where its text begins."""

    @property
    def whole(self) -> bool:
        """Whether it is a program of its own."""
        return "asyncio.run(" in self.text


def blocks(page: Path, *words: str) -> list[Block]:
    """Return the blocks whose fence begins with these words, in order."""
    text = page.read_text(encoding="utf-8")
    found = [
        Block(
            tuple(fence["info"].split()),
            fence["text"],
            text.count("\n", 0, fence.start("text")) + 1,
        )
        for fence in _FENCE.finditer(text)
    ]
    return [block for block in found if block.words[: len(words)] == words]


def program(page: Path) -> str:
    """Join the page's fragments; a line of the program is the same line of the page."""
    lines: list[str] = []
    indent = ""
    for block in blocks(page, "python"):
        if block.whole:
            continue
        lines += [""] * (block.line - 1 - len(lines))
        lines += textwrap.indent(block.text, indent).splitlines()
        if _OPENS.search(block.text):
            indent = _INSIDE
    return "\n".join(lines) + "\n"


async def run_page(page: Path, given: Mapping[str, object]) -> str:
    """Run the page's fragments in the working folder; return what they print."""
    names: dict[str, object] = {"__builtins__": builtins, "__name__": page.stem, **given}
    code = compile(program(page), str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    printed = io.StringIO()
    with redirect_stdout(printed):
        answer: object = FunctionType(code, names)()
        if isinstance(answer, Coroutine):
            await cast("Awaitable[object]", answer)
    return printed.getvalue()


def expected_print(page: Path) -> str:
    """Return what the page says that its examples print."""
    return "".join(block.text for block in blocks(page, "text"))


def prints_as_told(page: Path, printed: str) -> bool:
    """Compare what was printed with what the page says."""
    return re.fullmatch(_pattern(expected_print(page)), printed) is not None


async def run_command(argv: Sequence[str], folder: Path, environ: Mapping[str, str]) -> str:
    """Run a command to its end in a folder; return what it prints, or fail with what it said."""
    command = await asyncio.create_subprocess_exec(
        *argv,
        cwd=folder,
        env=dict(environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await command.communicate()
    assert command.returncode == 0, f"{argv}: exit code {command.returncode}\n{err.decode()}"
    return out.decode()


def path_with_our_commands(path: str) -> str:
    """Put the environment's own `ductape` in front of the search path."""
    return f"{Path(sys.executable).parent}:{path}"


def _pattern(told: str) -> str:
    return ".*".join(re.escape(part) for part in told.split("…"))
