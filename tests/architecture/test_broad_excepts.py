"""An exception is swallowed whole in five kinds of place only, and each records what it caught.

A broad `except` that ends in a bare `raise` tidies up and swallows nothing: it may stand anywhere.
"""

import ast
from collections.abc import Iterator

from tests.architecture.source import MODULES, dotted, named, tree_of

BROAD = {"Exception", "BaseException", "builtins.Exception", "builtins.BaseException"}

ALLOWED = {
    "worker/attempt/running.py": "round the call of a handler: recorded with the attempt",
    "worker/attempt/invoking.py": "round the call inside of a run: returned to its caller",
    "worker/attempt/stepping.py": "round the call of a step's handler: recorded with the step",
    "handlers/python/features.py": "round the call of a feature's function: the error is recorded",
    "worker/attempt/failing.py": "round an error's own code: told as one that cannot be told",
    "worker/threads.py": "round the call of a handler in its thread: handed to who waits for it",
    "worker/lane.py": "a turn of a background loop: logged, the turn is taken again",
    "worker/duties/upkeep.py": "a turn of a background loop: logged, the next look tries again",
    "worker/duties/clearing.py": "a turn of a background loop: logged, the next look tries again",
    "worker/heartbeat.py": "the heartbeat's thread: logged, the next beat tries again",
    "stores/sqlite/file/engine.py": "the shared commit: each caller is given its own error",
    "stores/sqlite/file/loan.py": "the writer, lent: who asked for the step is given the error",
    "cli/main.py": "the outer edge of the commands: shown, and the exit code says so",
}
"""Where one stands, and what becomes of what it caught."""


def test_nothing_is_swallowed_but_where_it_is_recorded() -> None:
    found = [named(module) for module in MODULES for _ in _swallowing(tree_of(module))]
    assert sorted(found) == sorted(ALLOWED)


def test_what_is_suppressed_is_named() -> None:
    broad = [
        f"{named(module)}:{node.lineno}"
        for module in MODULES
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Call)
        and dotted(node.func).endswith("suppress")
        and any(dotted(argument) in BROAD for argument in node.args)
    ]
    assert broad == []


def _swallowing(tree: ast.Module) -> Iterator[ast.ExceptHandler]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises_again(node):
            yield node


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or dotted(kind) in BROAD for kind in kinds)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
