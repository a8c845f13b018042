"""The clock, chance and the environment are read in `app/` and nowhere else.

Everything else is given instants, draws and tokens, so that it can be simulated and run again
exactly. What a module may use of `os` and `socket` elsewhere has nothing to do with either.
"""

import ast
from collections.abc import Set as AbstractSet
from functools import cache

from tests.architecture.source import MODULES, dotted, imports_of, named, tree_of

CLOCKS_AND_DICE = {"random", "secrets", "time", "uuid"}
"""Modules that read a clock or throw dice."""

READS = {
    "date.today",
    "datetime.datetime.now",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "os.environ",
    "os.getenv",
    "os.urandom",
}
"""The same by other doors; `loop.time` is the loop's own, virtual where the loop is."""

ALLOWED = {
    ("testing/entropy.py", "random"): "seeded, so that a simulation can be run again exactly",
    ("cli/drawing/output.py", "os"): "an output whose reader has gone",
    ("cli/working.py", "os"): "a second signal ends the process at once",
    ("providers/databases/sqlite/confined_files.py", "os"): "where a path really leads",
    ("providers/databases/mongo/folder.py", "os"): "whose the folder of the socket is",
    ("providers/brokers/reaching.py", "socket"): "each address is checked before it is given on",
    ("providers/brokers/redis/link.py", "socket"): "the sockets that the guard makes",
    ("providers/http/guard.py", "socket"): "each address is checked before it is connected to",
    ("providers/storage/confined.py", "os"): "every folder is opened from the one above it",
    ("providers/storage/local.py", "os"): "files are written and moved within an open folder",
    ("stores/postgres/server/engine.py", "os"): "the number of the process that opened the store",
    ("stores/postgres/server/patience.py", "socket"): "a connection that is never answered is shut",
    ("stores/sqlite/file/engine.py", "os"): "the number of the process that opened the store",
    ("stores/sqlite/file/filesystem.py", "os"): "what kind of file system the store lies on",
    ("stores/sqlite/file/wake.py", "os"): "who else is in the wake-up folder",
    ("stores/sqlite/file/wake_folder.py", "os"): "the wake-up folder's path and owner",
    ("stores/sqlite/file/wake_folder.py", "socket"): "the wake-up sockets",
    ("vault/keyfile.py", "os"): "the key file: its mode, and that it is on the disk",
}
"""Who else uses such a module, and for what."""


@cache
def elsewhere() -> dict[str, ast.Module]:
    """Return every module outside `app/`: read when it is asked for, not by all who collect."""
    return {
        named(module): tree_of(module) for module in MODULES if not named(module).startswith("app/")
    }


def test_only_the_root_reads_the_time_or_the_environment() -> None:
    found = {
        name: reads
        for name, tree in elsewhere().items()
        if (reads := {dotted(node) for node in ast.walk(tree)} & READS)
    }
    assert found == {}


def test_what_reads_clocks_throws_dice_or_touches_the_system_has_a_reason() -> None:
    found = {
        (name, root)
        for name, tree in elsewhere().items()
        for root in _imported(tree) & (CLOCKS_AND_DICE | {"os", "socket"})
    }
    assert found == set(ALLOWED)


def _imported(tree: ast.Module) -> AbstractSet[str]:
    return {name.partition(".")[0] for name in imports_of(tree)}
