"""What a store's URL says: the server, the database, and which schema in it is ours.

`postgresql://user:password@host:5432/database?schema=ductape&sslmode=require`: all that libpq knows
may stand there, several hosts too; `schema` is our own.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ductape.errors import ConfigError
from ductape.stores.postgres.server.statements import OWN_SCHEMA
from ductape.stores.postgres.server.urls import shown

DEFAULTS: dict[str, str | int] = {
    "application_name": "ductape",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "target_session_attrs": "read-write",
    "tcp_user_timeout": 15_000,
}
"""Where the URL says nothing else: a peer that is gone is noticed (s; the last ms), and of several
hosts, or after a fail-over, the one that can be written is taken."""
ENCODING = "UTF8"
"""Ours, whatever the database has for its clients."""

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,47}")


@dataclass(frozen=True, repr=False)
class Address:
    """Where a store is."""

    conninfo: str
    """As libpq takes it, the password in it."""
    schema: str
    shown: str
    """The URL without its password."""

    def __repr__(self) -> str:
        """Keep the password out of every log and traceback."""
        return f"Address({self.shown!r})"


def address_of(url: str) -> Address:
    """Read a URL; raises `ConfigError`, which never holds the password.

    >>> address_of("postgresql://ada:secret@db/jobs?schema=mine").shown
    'postgresql://ada@db/jobs?schema=mine'
    """
    parts = urlsplit(url)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    schema = dict(asked).get("schema", OWN_SCHEMA)
    if not _SCHEMA.fullmatch(schema):
        raise ConfigError(
            f"store: `schema` must be lower-case letters, digits and `_`, found `{schema}`",
            path="store",
        )
    rest = [(name, value) for name, value in asked if name != "schema"]
    plain = urlunsplit(parts._replace(query=urlencode(rest, quote_via=quote)))
    return Address(_conninfo(plain), schema, shown(url))


def _conninfo(url: str) -> str:
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # What libpq says about it may quote the password.
        raise ConfigError(
            f"store: `{shown(url)}` is no URL of a PostgreSQL database",
            path="store",
            hint="write `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, `@` as %40",
        ) from None
    return make_conninfo("", **{**DEFAULTS, **given, "client_encoding": ENCODING})
