"""What PostgreSQL's and libpq's errors mean, and what to do about them.

A refusal to connect has no SQLSTATE, only libpq's sentence; it never holds the password.
"""

from collections.abc import Mapping

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from ductape.errors import DuctapeError, StoreError
from ductape.stores.postgres.server.patience import ANSWER_S, Unanswered

TRY_AGAIN = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.CheckViolation,
)
"""The transaction was undone because of another one, if `refuse_rule` has nothing against it: then
it may be run again as it is."""

OLDEST_SERVER = 150_000
"""PostgreSQL 15."""

_BY_CODE = {
    "08": ("the connection broke", "look at the server's log; the call may be made again"),
    "23": ("the row is there already, or breaks a rule", "nothing was stored; see the message"),
    "25006": ("the server is read-only", "point `store` at the primary"),
    "28": ("the server refused the user", "check user and password in `store`"),
    "3D000": ("there is no such database", "create it, or mend its name in `store`"),
    "40": ("another transaction came first", "run yours again from its beginning"),
    "42501": ("the user lacks a right", "grant it the schema: `GRANT ALL ON SCHEMA`"),
    "53100": ("the server's disk is full", "free some space; nothing was half-written"),
    "53300": ("the server has no connection left", "raise `max_connections`, or use a pooler"),
    "55P03": ("a lock is held by somebody else", "look for a migration that hangs"),
    "57014": ("the statement took too long", "look at the server's load"),
    "58": ("the server cannot write its files", "look at its disk; nothing was half-written"),
    "57P": ("the server is shutting down or starting", "the call may be made again"),
}
"""By SQLSTATE or the beginning of one."""

_BY_WORD = {
    "password authentication failed": _BY_CODE["28"],
    "no password supplied": _BY_CODE["28"],
    "no pg_hba.conf entry": _BY_CODE["28"],
    "too many c": _BY_CODE["53300"],
    'role "': _BY_CODE["28"],
    'database "': _BY_CODE["3D000"],
    "remaining connection slots": _BY_CODE["53300"],
    "session is read-only": _BY_CODE["25006"],
    "starting up": _BY_CODE["57P"],
    "shutting down": _BY_CODE["57P"],
}
"""By what libpq's sentence has in it."""

_UNCODED = {"could not extend file": _BY_CODE["53100"], "could not write": _BY_CODE["58"]}
"""By what the server's sentence has in it, where its code tells nothing."""

_OUT_OF_REACH = ("the server is out of reach", "is it running, and are host and port right?")

_LASTING = (_BY_CODE["28"], _BY_CODE["3D000"])
"""What does not pass by itself, although it is told as if the way to the server were at fault."""

_OF_A_ROW = (psycopg.DataError, psycopg.IntegrityError)


def is_of_a_row(error: StoreError) -> bool:
    """Tell whether a row that was to be stored is at fault, not the server or the way to it."""
    return isinstance(error.__cause__, _OF_A_ROW)


def refuse_rule(error: psycopg.Error, shown: str) -> None:
    """Raise what breaks a rule of a table: a name tells it from a day that was made meanwhile.

    A run that was on its way to the rest of history finds then that it belongs to that day.
    """
    if isinstance(error, psycopg.errors.CheckViolation) and error.diag.constraint_name is not None:
        raise explain(error, shown) from error


def explain(error: Exception, shown: str) -> Exception:
    """Turn PostgreSQL's errors into ours, with what to do; leave others as they are."""
    match error:
        case DuctapeError():
            return error
        case PoolTimeout():
            meaning = ("every connection is busy", "look for long transactions on the server")
        case PoolClosed():
            meaning = ("the store is closed", "open it again")
        case psycopg.Error():
            meaning = _meaning(error)
        case _:
            return error
    said, hint = meaning
    told = StoreError(f"{said}: {_sentence(error)}", path=shown, hint=hint)
    told.passing = _passes(error, meaning)
    return told


def unanswered(error: Unanswered, shown: str) -> StoreError:
    """Say that a question has no answer, and what that leaves open."""
    after = f"the server does not answer, given up after {ANSWER_S:g} s without an answer"
    if error.in_doubt:
        what = "the connection broke while the change was committed" if error.cut else after
        return _in_doubt(what, shown)
    told = StoreError(
        f"{after}: nothing was changed",
        path=shown,
        hint="look at the server and the way to it; the call may be made again",
    )
    told.passing = True
    return told


def for_another(error: StoreError) -> StoreError:
    """Return the error for one more caller, who adds a traceback of his own to it."""
    told = StoreError(error.message, path=error.path, hint=error.hint, details=error.details)
    told.passing, told.in_doubt = error.passing, error.in_doubt
    return told


def doubted(error: StoreError) -> StoreError:
    """Say of an error that something may have been stored before it."""
    return error if error.in_doubt else _in_doubt(error.message, error.path)


def _in_doubt(what: str, shown: str | None) -> StoreError:
    told = StoreError(
        f"{what}: what was to be stored may be there or not",
        path=shown,
        hint="look whether it was done before the call is made again",
    )
    told.passing = told.in_doubt = True
    return told


def _passes(error: Exception, meaning: tuple[str, str]) -> bool:
    """Tell whether an error may pass by itself; a standby may yet be promoted."""
    passes = isinstance(error, PoolTimeout | psycopg.OperationalError)
    return (passes and meaning not in _LASTING) or meaning == _BY_CODE["25006"]


def _meaning(error: psycopg.Error) -> tuple[str, str]:
    code = error.sqlstate or ""
    for start, meaning in _BY_CODE.items():
        if code.startswith(start):
            return meaning
    if isinstance(error, psycopg.OperationalError) and not code:
        return _by_word(_BY_WORD, error) or _OUT_OF_REACH
    return _by_word(_UNCODED, error) or ("PostgreSQL refused", "see the message")


def _by_word(known: Mapping[str, tuple[str, str]], error: psycopg.Error) -> tuple[str, str] | None:
    text = str(error)
    return next((meaning for word, meaning in known.items() if word in text), None)


def _sentence(error: Exception) -> str:
    """Return the message on one line, without the statement it quotes."""
    diagnosis = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return " ".join((diagnosis or str(error)).split())
