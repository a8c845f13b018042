"""Naming the key that a caller meant by an unknown one (SPEC 1).

Keys are compared without case and underscores, so that `end_date` finds `endDate`, and then by
likeness, so that `retires` finds `retries`.
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from ductape.domain.found import listed

_LIKENESS = 0.6
"""From 0 to 1; below it a name is no help."""

_COMPARED_CHARACTERS = 64
"""Likeness takes time by the square of the length, and the key is a stranger's."""


def hint_for(key: str, known: Collection[str], elsewhere: Mapping[str, str]) -> str:
    """Say what the caller may have meant.

    `elsewhere` has the known keys of the neighbouring objects, each with its whole path.

    >>> hint_for("retires", ["retries", "env"], {"cron": "repeat.cron"})
    'did you mean `retries`?'
    >>> hint_for("cron", ["retries", "env"], {"cron": "repeat.cron"})
    'did you mean `repeat.cron`?'
    >>> hint_for("xyz", ["retries", "env"], {})
    'known are `env`, `retries`'
    """
    wanted = _folded(key[:_COMPARED_CHARACTERS])
    here = {_folded(name): name for name in known}
    if wanted in here:
        return f"did you mean `{here[wanted]}`?"
    there = {_folded(name): path for name, path in elsewhere.items()}
    if wanted in there:
        return f"did you mean `{there[wanted]}`?"
    close = get_close_matches(wanted, here, n=1, cutoff=_LIKENESS)
    if close:
        return f"did you mean `{here[close[0]]}`?"
    return f"known are {listed(sorted(known))}"


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
