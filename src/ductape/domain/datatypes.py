"""The data types of SPEC 9 ("Features"), each by its name, and which JSON values are of it."""

import re
from collections.abc import Callable
from datetime import date, datetime
from math import isfinite

from ductape.domain.jsonvalue import JsonValue

ARRAY_OF = "_ARRAY"
"""The end of the names of lists whose items are all of one type."""

_EMAIL = re.compile(r"[^\s@,;<>\"\\]{1,64}@(?=.{1,255}\Z)[^\s@,;<>\"\\.]+(\.[^\s@,;<>\"\\.]+)*")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def is_email(value: JsonValue) -> bool:
    """Tell whether a value looks like one mailbox, as `ada@example.org`."""
    return isinstance(value, str) and _EMAIL.fullmatch(value) is not None


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str)


def _is_text_without_spaces(value: JsonValue) -> bool:
    return isinstance(value, str) and re.search(r"\s", value) is None


def _is_number_text(value: JsonValue) -> bool:
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def _is_instant_text(value: JsonValue) -> bool:
    return isinstance(value, str) and _parses(datetime.fromisoformat, value)


def _is_date(value: JsonValue) -> bool:
    return isinstance(value, str) and _parses(date.fromisoformat, value)


def _is_uuid(value: JsonValue) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _is_integer(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: JsonValue) -> bool:
    return _is_integer(value) or (isinstance(value, float) and isfinite(value))


def _is_boolean(value: JsonValue) -> bool:
    return isinstance(value, bool)


def _is_list(value: JsonValue) -> bool:
    return isinstance(value, list)


def _is_object(value: JsonValue) -> bool:
    return isinstance(value, dict)


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


_PLAIN: dict[str, Callable[[JsonValue], bool]] = {
    "STRING": _is_text,
    "NOSPACES_STRING": _is_text_without_spaces,
    "EMAIL_STRING": is_email,
    "NUMBER_STRING": _is_number_text,
    "DATE_STRING": _is_instant_text,
    "INTEGER": _is_integer,
    "FLOAT": _is_number,
    "DOUBLE": _is_number,
    "UUID": _is_uuid,
    "DATE": _is_date,
    "OBJECT": _is_object,
    "BOOLEAN": _is_boolean,
}

DATA_TYPES: dict[str, Callable[[JsonValue], bool]] = {
    **_PLAIN,
    "ARRAY": _is_list,
    **{f"{name}{ARRAY_OF}": _is_list for name in _PLAIN},
}
"""Every type by its name; a `*_ARRAY` is a list whose items are all of the type."""
