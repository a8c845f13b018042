"""Which SQLite files may be opened: below the operator's roots, none of ours, no links."""

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from ductape.errors import ProviderError


class FileRules(Struct, frozen=True):
    """Which files may be opened."""

    roots: tuple[str, ...]
    """Absolute folders."""
    own: tuple[str, ...] = ()
    """The stores' files and keys: neither they nor what lies beside them under their names."""


def confined(path: str, rules: FileRules) -> str:
    """Return where a file is; raises `ProviderError` where it may not be opened."""
    if "\0" in path or ".." in Path(path).parts:
        raise _refused("a path that climbs (`..`) is refused")
    for root in rules.roots:
        real_root = os.path.realpath(root)
        whole = os.path.normpath(Path(real_root) / path)
        below = _below(whole, real_root) or _below(whole, os.path.normpath(root))
        if below is None:
            continue
        inside = str(Path(real_root) / below)
        if os.path.realpath(inside) != inside:
            raise _refused("a link is not followed")
        if not Path(inside).is_file():
            continue
        if _is_own(inside, rules.own):
            raise _refused("the file belongs to the job store")
        return inside
    if any(
        _below(os.path.normpath(Path(root) / path), os.path.normpath(root)) for root in rules.roots
    ):
        raise ProviderError("NOT_FOUND", f"there is no file `{path}`")
    raise _refused("the file is not below any of the operator's roots")


def _below(whole: str, root: str) -> str | None:
    inside = whole.removeprefix(root.rstrip(os.sep) + os.sep)
    return None if inside == whole else inside


def _is_own(path: str, own: Sequence[str]) -> bool:
    here = Path(path)
    for one in own:
        there = Path(os.path.realpath(one))
        if here.parent == there.parent and here.name.startswith(there.name):
            return True
        if there.exists() and here.samefile(there):
            return True
    return False


def _refused(reason: str) -> ProviderError:
    hint = "the operator names folders in [files] roots"
    return ProviderError("FORBIDDEN", reason, hint=hint)
