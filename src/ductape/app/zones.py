"""The tz database of the `tzdata` package: the same rules on every host.

The system's own copy is never read: two hosts with different ones would fire an hour apart. A
zone's name is taken only if the database's own list has it, so that no path, `posix/`, `right/`
or `localtime` can be named (SPEC 4).
"""

from difflib import get_close_matches
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

import tzdata

_COMPARED_CHARACTERS: Final = 64
"""Likeness takes time by the square of the length, and the name is a stranger's."""


class PackagedZones:
    """Implements `ports.zones.Zones`; each zone is read once."""

    def __init__(self) -> None:
        """Read the list of names."""
        self._root = files("tzdata")
        self._names = frozenset(self._root.joinpath("zones").read_text("ascii").split())
        self._read: dict[str, ZoneInfo] = {}

    def get(self, name: str) -> ZoneInfo:
        """Return a zone's rules.

        Raises `KeyError` for a name outside the list, with a note that names its nearest.
        """
        if name not in self._read:
            if name not in self._names:
                raise self._unknown(name)
            with self._root.joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
                self._read.setdefault(name, ZoneInfo.from_file(rules, key=name))
        return self._read[name]

    def names(self) -> frozenset[str]:
        """Return every name of the list."""
        return self._names

    def version(self) -> str:
        """Return the release, such as `2026b`."""
        return tzdata.IANA_VERSION

    def _unknown(self, name: str) -> KeyError:
        error = KeyError(name)
        spelled = {known.lower(): known for known in sorted(self._names)}
        wanted = name[:_COMPARED_CHARACTERS].strip().replace(" ", "_").lower()
        for near in get_close_matches(wanted, spelled, n=1):
            error.add_note(f"did you mean {spelled[near]}?")
        return error
