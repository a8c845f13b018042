"""The operators that work on text: cutting, splitting, joining, replacing (SPEC 6).

Positions are counted in characters from 0. Nothing here makes a longer text than an input has
room for.
"""

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references.arguments import (
    LONGEST_TEXT,
    Arguments,
    Mismatch,
    bounded,
    list_of,
    position_of,
    text_of,
    too_long,
)
from ductape.domain.references.values import as_text


def concat(arguments: Arguments) -> JsonValue:
    """Join the items of a list, with nothing between them unless told."""
    return _joined(arguments, "")


def join(arguments: Arguments) -> JsonValue:
    """Join the items of a list, with a comma between them unless told.

    >>> join((["a", 1, None],))
    'a,1,'
    """
    return _joined(arguments, ",")


def uppercase(arguments: Arguments) -> JsonValue:
    """Return the text in capitals."""
    return bounded(text_of(arguments, 0).upper())


def lowercase(arguments: Arguments) -> JsonValue:
    """Return the text in small letters."""
    return bounded(text_of(arguments, 0).lower())


def trim(arguments: Arguments) -> JsonValue:
    """Return the text without white space at its ends."""
    return text_of(arguments, 0).strip()


def substring(arguments: Arguments) -> JsonValue:
    """Return the characters from a position up to, not with, another; what is beyond is nothing.

    >>> substring(("Ductape", 0, 4)), substring(("Ductape", 4)), substring(("Ductape", 5, 2))
    ('Duct', 'ape', '')
    """
    text, start = text_of(arguments, 0), position_of(arguments, 1)
    ends = arguments[2:] not in ((), (None,))
    return text[start : position_of(arguments, 2)] if ends else text[start:]


def split(arguments: Arguments) -> JsonValue:
    """Return the parts of a text between separators; an empty separator gives its characters.

    >>> split(("a, b", ", ")), split(("ab", ""))
    (['a', 'b'], ['a', 'b'])
    """
    text, separator = text_of(arguments, 0), text_of(arguments, 1)
    return [*text.split(separator)] if separator else [*text]


def replace(arguments: Arguments) -> JsonValue:
    """Return the text with every occurrence of another one replaced.

    >>> replace(("a-b-c", "-", "+"))
    'a+b+c'
    """
    text, sought, instead = (text_of(arguments, position) for position in range(3))
    if not sought:
        raise Mismatch("text that is not empty as argument 2", "an empty text")
    length = len(text) + text.count(sought) * (len(instead) - len(sought))
    if length > LONGEST_TEXT:
        raise too_long()
    return text.replace(sought, instead)


def _joined(arguments: Arguments, separator: str) -> str:
    if len(arguments) > 1:
        separator = text_of(arguments, 1)
    texts: list[str] = []
    room = LONGEST_TEXT + len(separator)
    for item in list_of(arguments, 0):
        text = as_text(item)
        room -= len(text) + len(separator)
        if room < 0:
            raise too_long()
        texts.append(text)
    return separator.join(texts)
