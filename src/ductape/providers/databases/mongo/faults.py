"""What MongoDB's errors mean for an attempt: by their codes and classes."""

from typing import cast

from bson.errors import BSONError, InvalidBSON
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    InvalidOperation,
    NetworkTimeout,
    OperationFailure,
    ProtocolError,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)

from ductape.domain.database_place import Place
from ductape.errors import ProviderError

OUT_OF_STEP = (ProtocolError, InvalidBSON)
"""Answers that are none: nobody knows what would come next on that connection."""

_CODES = {
    2: "VALIDATION_ERROR",
    9: "VALIDATION_ERROR",
    11: "UNAUTHORIZED",
    13: "FORBIDDEN",
    14: "VALIDATION_ERROR",
    15: "VALIDATION_ERROR",
    16: "VALIDATION_ERROR",
    18: "UNAUTHORIZED",
    20: "VALIDATION_ERROR",
    24: "DEADLOCK",
    40: "VALIDATION_ERROR",
    46: "DEADLOCK",
    50: "TIMEOUT",
    52: "VALIDATION_ERROR",
    56: "VALIDATION_ERROR",
    57: "VALIDATION_ERROR",
    66: "VALIDATION_ERROR",
    112: "DEADLOCK",
    121: "VALIDATION_ERROR",
    168: "VALIDATION_ERROR",
    251: "DEADLOCK",
    262: "TIMEOUT",
    462: "RATE_LIMITED",
    8000: "UNAUTHORIZED",
    11000: "VALIDATION_ERROR",
    11001: "VALIDATION_ERROR",
    11601: "TIMEOUT",
    16500: "RATE_LIMITED",
}
_FIRST_PARSER_CODE = 10_000
"""From here on the codes are of commands and expressions that cannot be read."""


def failure(error: PyMongoError | BSONError, place: Place) -> ProviderError:
    """Return what an error means; none of its words quotes a document."""
    match error:
        case BulkWriteError():
            return _of_writes(error)
        case ConnectionFailure() | ExecutionTimeout() | WTimeoutError():
            return _of_the_way(error, place.shown)
        case OperationFailure():
            code, named = _code_of(error.code), {"code": error.code}
            return ProviderError(code, f"MongoDB: {_said(error)}", details=named)
        case _ if isinstance(error, OUT_OF_STEP):
            return ProviderError("PROVIDER_ERROR", f"{place.shown} gave an answer that is none")
        case _:
            wrong = isinstance(error, (InvalidOperation, BSONError))
            code = "VALIDATION_ERROR" if wrong else "PROVIDER_ERROR"
            return ProviderError(code, f"MongoDB: {error}")


def connect_failure(error: PyMongoError, place: Place) -> ProviderError:
    """Return what an error of connecting means."""
    if isinstance(error, (AutoReconnect, ProtocolError)) and not error.timeout:
        said = "cannot connect to" if isinstance(error, AutoReconnect) else "no MongoDB is at"
        return ProviderError("CONNECTION_ERROR", f"{said} {place.shown}")
    return failure(error, place)


def lost(where: str) -> ProviderError:
    """Return what it means that a connection is no more."""
    return ProviderError("CONNECTION_LOST", f"the connection to {where} was lost")


def _of_the_way(error: PyMongoError, where: str) -> ProviderError:
    if error.timeout or isinstance(error, (ExecutionTimeout, WTimeoutError, NetworkTimeout)):
        return ProviderError("TIMEOUT", f"MongoDB at {where} took too long")
    if isinstance(error, ServerSelectionTimeoutError):
        return ProviderError("CONNECTION_ERROR", f"cannot connect to MongoDB at {where}")
    return lost(where)


def _of_writes(error: BulkWriteError) -> ProviderError:
    refused = cast("list[dict[str, int]]", error.details.get("writeErrors") or [{}])
    code = refused[0].get("code")
    named = {"code": code, "at": refused[0].get("index")}
    return ProviderError(_code_of(code), f"MongoDB refused a write, code {code}", details=named)


def _code_of(code: int | None) -> str:
    if code is None:
        return "PROVIDER_ERROR"
    known = _CODES.get(code)
    if known is None and code >= _FIRST_PARSER_CODE:
        return "VALIDATION_ERROR"
    return known or "PROVIDER_ERROR"


def _said(error: OperationFailure) -> str:
    """Return the server's words, less what it quotes of a document."""
    said = (error.details or {}).get("errmsg") or "an error"
    return str(said).partition(" dup key")[0]
