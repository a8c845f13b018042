"""What MySQL's and MariaDB's errors mean for an attempt: by their numbers.

The values that they quote are left out: the server cuts them, and a cut secret is no longer known
for one.
"""

import re

from asyncmy.errors import (
    DataError,
    IntegrityError,
    MySQLError,
    NotSupportedError,
    ProgrammingError,
)

from ductape.domain.database_place import Place
from ductape.errors import ProviderError

_VALUE = re.compile(r"(entry|value:?) (?:'.*'(?= for (?:key|column))|'.*')", re.DOTALL)
"""A value as it is quoted, whatever stands in it."""

_NUMBERS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("DEADLOCK", (1020, 1205, 1213, 1479, 3101, 3572)),
    ("CONNECTION_LOST", (1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2055, 3169)),
    ("UNAUTHORIZED", (1045, 1251, 1524, 1698, 1862, 3118, 3159)),
    ("FORBIDDEN", (1044, 1142, 1143, 1227, 1290, 1370, 1410)),
    ("NOT_FOUND", (1049,)),
    ("RATE_LIMITED", (1226,)),
    ("TIMEOUT", (1028, 1317, 1969, 3024)),
    ("SERVICE_UNAVAILABLE", (1040, 1041, 1114, 1129, 1203, 1836)),
    (
        "VALIDATION_ERROR",
        (
            *(1048, 1052, 1054, 1055, 1062, 1064, 1065, 1109, 1136, 1146, 1149, 1210, 1222, 1235),
            *(1242, 1247, 1264, 1265, 1267, 1292, 1295, 1305, 1364, 1365, 1366, 1367, 1390, 1406),
            *(1411, 1416, 1451, 1452, 1525, 1582, 1644, 1690, 1792, 3140, 3141, 3819, 3854, 4025),
        ),
    ),
    ("CONNECTION_ERROR", (2002, 2003, 2005, 2026)),
)
_CODES = {number: code for code, numbers in _NUMBERS for number in numbers}

_OF_THE_CLIENT = range(2_000, 3_000)
_OF_A_CONNECTION = frozenset({2006, 2013, 2055})


def failure(error: MySQLError, place: Place) -> ProviderError:
    """Return what an error of a statement means."""
    number, said = _read(error)
    code = _CODES.get(number) or _by_class(error)
    if code == "CONNECTION_LOST":
        return lost(place, number)
    return ProviderError(code, f"MySQL: {said}", details={"errno": number})


def lost(place: Place, number: int = 0) -> ProviderError:
    """Make the error of a connection that is no more."""
    said = f"MySQL: the connection to {place.shown} was lost"
    return ProviderError("CONNECTION_LOST", said, details={"errno": number})


def said_by_server(error: MySQLError) -> bool:
    """Tell whether the server said so itself, and still listens; else the two are out of step."""
    number, _ = _read(error)
    return number > 0 and number not in _OF_THE_CLIENT


def connect_failure(error: MySQLError | OSError, place: Place) -> ProviderError:
    """Return what an error of connecting means."""
    where = f"cannot connect to MySQL at {place.shown}"
    if isinstance(error, TimeoutError):
        return ProviderError("TIMEOUT", f"{where}: no answer in time")
    if not isinstance(error, MySQLError):
        return ProviderError("CONNECTION_ERROR", f"{where}: {error.strerror or 'no answer'}")
    number, said = _read(error)
    code = _CODES.get(number, "CONNECTION_ERROR")
    if number in _OF_A_CONNECTION:
        code = "CONNECTION_ERROR"
    return ProviderError(code, f"{where}: {said}", details={"errno": number})


def _read(error: MySQLError) -> tuple[int, str]:
    arguments: tuple[object, ...] = error.args
    number = arguments[0] if arguments and isinstance(arguments[0], int) else 0
    said = str(arguments[1] if number and len(arguments) > 1 else error)
    return number, _VALUE.sub(r"\1 of the input", said)


def _by_class(error: MySQLError) -> str:
    wrong = (ProgrammingError, DataError, IntegrityError, NotSupportedError)
    return "VALIDATION_ERROR" if isinstance(error, wrong) else "PROVIDER_ERROR"
