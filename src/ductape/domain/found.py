"""How a refused value is shown in a fault: short, and never a secret (SPEC 1, 18).

Everything under `session`, and whatever a path's names call a token, a secret, a password or the
like, is shown as `***`. Texts are cut at 40 characters.
"""

import re
from collections.abc import Mapping, Sequence

MASK = "***"
SHOWN_CHARACTERS = 40
"""How much of a text is shown."""

_LONGEST_INTEGER_BITS = 128
_SECRET = re.compile(
    r"^session\b|token|secret|passw|authorization|api[-_ ]?key|private[-_ ]?key|credential|cookie",
    re.IGNORECASE,
)


def shown(value: object, path: str) -> str:
    """Show a scalar as it was written, and of anything else what it is.

    >>> shown(3.5, "retries"), shown("eyJhbGciOi", "session.token"), shown([1], "env")
    ('3.5', '***', 'a list')
    """
    if value is not None and secret(path):
        return MASK
    if isinstance(value, str):
        return repr(shortened(value))
    if isinstance(value, (bool, int, float)):
        return _figure(value)
    return kind_of(value)


def kind_of(value: object) -> str:
    """Say what a value is, without a word of its content.

    >>> kind_of({}), kind_of("x"), kind_of(b"x")
    ('an object', 'a string', 'a value of type bytes')
    """
    for kind, words in _KINDS:
        if isinstance(value, kind):
            return words
    return f"a value of type {type(value).__name__}"


def secret(path: str) -> bool:
    """Tell whether what stands at a path must not be shown.

    >>> secret("input.headers.Authorization"), secret("repeat.every")
    (True, False)
    """
    return _SECRET.search(path) is not None


def shortened(text: str) -> str:
    """Cut a text for showing.

    >>> shortened("x" * 50)
    'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'
    """
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return text[: SHOWN_CHARACTERS - 1] + "…"


def path_to(path: str, key: object) -> str:
    """Name the place of a key, or of a list's position, below a path.

    >>> path_to("repeat", "every"), path_to("input.to", 2), path_to("", "a b")
    ('repeat.every', 'input.to[2]', '["a b"]')
    """
    if isinstance(key, int):
        return f"{path}[{key}]"
    if isinstance(key, str) and len(key) <= SHOWN_CHARACTERS and _PLAIN.fullmatch(key):
        return f"{path}.{key}" if path else key
    if isinstance(key, str):
        return f"{path}[{_quoted(shortened(key))}]"
    return f"{path}[{shortened(repr(key))}]"


def listed(names: Sequence[str]) -> str:
    """Join names for a sentence.

    >>> listed(["cron", "every"])
    '`cron`, `every`'
    """
    return ", ".join(f"`{name}`" for name in names)


_PLAIN = re.compile(r"[\w$:@-]+")

_KINDS: tuple[tuple[type, str], ...] = (
    (type(None), "nothing"),
    (bool, "a boolean"),
    (str, "a string"),
    (int, "a number"),
    (float, "a number"),
    (Mapping, "an object"),
    (list, "a list"),
)
"""The first that fits; a boolean is an integer to Python, not to us."""


def _figure(value: float) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > _LONGEST_INTEGER_BITS:
        return f"an integer of {value.bit_length()} bits"
    return repr(value)


def _quoted(text: str) -> str:
    return '"' + repr(text)[1:-1].replace('"', '\\"') + '"'
