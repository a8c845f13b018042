"""Modules and functions stay small enough to be read at once, and are named after their reason."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import MODULES, Function, functions_of, named, tree_of

LONGEST_MODULE = 300
LONGEST_FUNCTION = 40

FORBIDDEN_NAMES = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
"""What a module is called when nobody knows its reason."""


def test_no_module_has_more_than_300_lines() -> None:
    lengths = {
        named(module): len(module.read_text(encoding="utf-8").splitlines()) for module in MODULES
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_no_function_has_more_than_40_lines() -> None:
    lengths = {
        f"{named(module)}: {name}": lines
        for module in MODULES
        for name, lines in _lengths(tree_of(module))
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


def test_every_module_is_named_after_its_reason() -> None:
    assert [named(module) for module in MODULES if _words(module) & FORBIDDEN_NAMES] == []


def test_every_module_says_its_reason_first() -> None:
    firsts = {named(module): _first_line(tree_of(module)) for module in MODULES}
    assert [name for name, line in firsts.items() if not line.endswith((".", ":", "?"))] == []


def _lengths(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for function in functions_of(tree):
        yield function.name, (function.end_lineno or function.lineno) - _begins(function)


def _begins(function: Function) -> int:
    """Return the line before the body: a signature and its options are data, not steps."""
    return function.body[0].lineno - 1


def _words(module: Path) -> set[str]:
    parts = Path(named(module)).with_suffix("").parts
    return {word for part in parts for word in part.split("_")}


def _first_line(tree: ast.Module) -> str:
    return (ast.get_docstring(tree) or "").partition("\n")[0]
