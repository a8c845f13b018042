"""Looking into a stranger's document: what is not of the shape that is asked for is not there.

Also the texts that leave an importer: whole characters, cut to what a product document takes.
"""

from ductape.domain.jsonvalue import JsonObject, JsonValue

LONGEST_NAME = 200
_LONGEST = 2**31
LONGEST_WORDS = 1_000
"""Characters of a description; what a maker writes beyond it stays in the maker's document."""


def member(value: JsonValue, name: str) -> JsonValue:
    """Return a member of an object; null where there is none.

    >>> member({"a": 1}, "a"), member([], "a")
    (1, None)
    """
    return value.get(name) if isinstance(value, dict) else None


def an_object(value: JsonValue) -> JsonObject:
    """Return an object, an empty one in the place of anything else."""
    return value if isinstance(value, dict) else {}


def a_list(value: JsonValue) -> list[JsonValue]:
    """Return a list, an empty one in the place of anything else."""
    return value if isinstance(value, list) else []


def a_text(value: JsonValue) -> str:
    """Return a text, an empty one in the place of anything else."""
    return value if isinstance(value, str) else ""


def a_count(value: JsonValue) -> int | None:
    """Return a length that a rule can have; none in the place of anything else."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _LONGEST else None


def as_written(value: JsonValue) -> str:
    """Return a scalar as a person writes it.

    >>> as_written(True), as_written(5), as_written("x"), as_written(None)
    ('true', '5', 'x', '')
    """
    match value:
        case None | dict() | list():
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters.

    >>> cut("abcdef", 4), cut(" abc ", 4)
    ('abc…', 'abc')
    """
    whole = text.strip()
    return whole if len(whole) <= most else f"{whole[: most - 1].rstrip()}…"


def whole(value: JsonValue) -> JsonValue:
    """Return a value without half characters, which UTF-8 cannot write."""
    match value:
        case str():
            return value if value.isascii() else value.encode("utf-8", "replace").decode()
        case dict():
            return {str(whole(key)): whole(inner) for key, inner in value.items()}
        case list():
            return [whole(inner) for inner in value]
        case _:
            return value
