"""What PostgreSQL's errors mean for an attempt: by their SQLSTATE, never by their values.

The server's detail lines, which quote whole rows, are left out; the names of tables, columns and
constraints are kept. What is said is cut nowhere here: what is secret in it is masked whole, later.
"""

import re

from psycopg import (
    DataError,
    Error,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

from ductape.domain.database_place import Place
from ductape.errors import ProviderError

_BY_STATE = {
    "40001": "DEADLOCK",
    "40P01": "DEADLOCK",
    "40003": "CONNECTION_LOST",
    "57014": "TIMEOUT",
    "42501": "FORBIDDEN",
    "3D000": "NOT_FOUND",
    "55P03": "DEADLOCK",
    "55006": "SERVICE_UNAVAILABLE",
    "57P01": "CONNECTION_LOST",
    "57P02": "CONNECTION_LOST",
    "57P05": "CONNECTION_LOST",
    "57P03": "SERVICE_UNAVAILABLE",
}
_BY_CLASS = {
    "08": "CONNECTION_LOST",
    "28": "UNAUTHORIZED",
    "53": "SERVICE_UNAVAILABLE",
    "0A": "VALIDATION_ERROR",
    "21": "VALIDATION_ERROR",
    "22": "VALIDATION_ERROR",
    "23": "VALIDATION_ERROR",
    "25": "VALIDATION_ERROR",
    "2D": "VALIDATION_ERROR",
    "42": "VALIDATION_ERROR",
    "44": "VALIDATION_ERROR",
    "54": "VALIDATION_ERROR",
    "P0": "VALIDATION_ERROR",
}
_READ_ONLY = "25006"
_MOST_VALUES = 65_535
_TOO_MANY = "number of parameters"
"""How libpq begins to say that a statement has more values than its protocol can count."""

_ON_CONNECT = (
    (re.compile(r"expected authentication request|invalid response"), "CONNECTION_ERROR"),
    (
        re.compile(r"password|no pg_hba\.conf entry|authentication|role .* does not exist"),
        "UNAUTHORIZED",
    ),
    (re.compile(r"database .* does not exist"), "NOT_FOUND"),
    (re.compile(r"permission denied"), "FORBIDDEN"),
    (
        re.compile(r"too many|remaining connection slots|starting up|shutting down|recovery"),
        "SERVICE_UNAVAILABLE",
    ),
    (re.compile(r"timeout expired|timed out"), "TIMEOUT"),
)
"""A refused connection has no SQLSTATE, only words."""


def failure(error: Error, place: Place, *, reads: bool) -> ProviderError:
    """Return what an error of a statement means."""
    state = error.sqlstate
    if state is None:
        return _without_state(error, place)
    code = _BY_STATE.get(state) or _BY_CLASS.get(state[:2], "PROVIDER_ERROR")
    if state == _READ_ONLY:
        code = "VALIDATION_ERROR" if reads else "SERVICE_UNAVAILABLE"
    diagnosis = error.diag
    named = {
        "sqlstate": state,
        "constraint": diagnosis.constraint_name,
        "table": diagnosis.table_name,
        "column": diagnosis.column_name,
    }
    said = diagnosis.message_primary or type(error).__name__
    return ProviderError(
        code,
        f"PostgreSQL: {said}",
        details={name: value for name, value in named.items() if value is not None},
    )


def connect_failure(error: Error, place: Place) -> ProviderError:
    """Return what an error of connecting means."""
    said = str(error).lower()
    code = next((code for words, code in _ON_CONNECT if words.search(said)), "CONNECTION_ERROR")
    line = next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
    reason = line.rpartition("FATAL:")[2].strip() or "no answer"
    return ProviderError(code, f"cannot connect to PostgreSQL at {place.shown}: {reason}")


def _without_state(error: Error, place: Place) -> ProviderError:
    """Return what an error means that the server did not send."""
    match error:
        case OperationalError() if _TOO_MANY in str(error):
            return ProviderError("VALIDATION_ERROR", f"PostgreSQL: at most {_MOST_VALUES} values")
        case OperationalError() | InterfaceError():
            return ProviderError("CONNECTION_LOST", f"the connection to {place.shown} was lost")
        case DataError() | NotSupportedError() | ProgrammingError():
            return ProviderError("VALIDATION_ERROR", f"PostgreSQL: {error}")
        case _:
            return ProviderError("PROVIDER_ERROR", f"{place.shown} gave an answer that is none")
