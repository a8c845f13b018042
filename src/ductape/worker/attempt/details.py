"""Which of an error's details are kept with it: what a program may act on (SPEC 12).

They are plain JSON, masked, and bounded in size. Where the definition is sensitive a provider's own
words are left out, for they may hold anything: its numbers and names stay.
"""

from ductape.domain.jsonlimits import plain_object
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.masking import mask_json
from ductape.errors import DuctapeError

LONGEST_DETAILS = 32_768
"""Bytes of JSON of all together."""

_DEEPEST = 8
_WORDS = frozenset({"body", "reply"})
"""What quotes an answer."""


def kept_details(
    error: BaseException, sensitive: tuple[str, ...], *, quotes: bool
) -> JsonObject | None:
    """Return the details to keep; none where there are none. `quotes`: answers may be quoted."""
    kept: JsonObject = {}
    for name, value in error.details.items() if isinstance(error, DuctapeError) else ():
        grown = plain_object({**kept, name: value}, "", max_bytes=LONGEST_DETAILS, nesting=_DEEPEST)
        kept = kept if isinstance(grown, list) else grown
    shown = mask_json(kept if quotes else _wordless(kept), sensitive)
    return shown if isinstance(shown, dict) and shown else None


def _wordless(value: JsonValue) -> JsonValue:
    match value:
        case dict():
            return {name: _wordless(one) for name, one in value.items() if name not in _WORDS}
        case list():
            return [_wordless(one) for one in value]
        case _:
            return value
