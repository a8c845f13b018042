"""The source as these tests look at it: modules, their trees, the names in them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "ductape"
MODULES = sorted(SOURCE.rglob("*.py"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def named(module: Path) -> str:
    """Return a module's path below the package, as `worker/lane.py`."""
    return module.relative_to(SOURCE).as_posix()


@cache
def tree_of(module: Path) -> ast.Module:
    """Parse a module, once."""
    return ast.parse(module.read_text(encoding="utf-8"), filename=str(module))


def functions_of(tree: ast.AST) -> Iterator[Function]:
    """Go through every function, methods and inner ones included."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def imports_of(tree: ast.Module) -> Iterator[str]:
    """Go through every module that is imported, by its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def dotted(node: ast.AST) -> str:
    """Write `a.b.c` out; empty where the node is nothing of the kind.

    >>> dotted(ast.parse("os.environ.get", mode="eval").body)
    'os.environ.get'
    """
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""
