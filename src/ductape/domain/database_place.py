"""Where a database is, read from its URL or its parts; what is wrong with either is told.

Of a URL's options only those are taken that say nothing about files or other hosts: the guard has
to see every address. Credentials in a URL are percent-encoded.
"""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from msgspec import Struct

from ductape.domain.definitions.database import DatabaseTarget, DatabaseType
from ductape.domain.found import listed

Tls = Literal["off", "require", "verify"]

PORTS: Mapping[DatabaseType, int] = {
    "postgresql": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "mongodb": 27017,
    "sqlite": 0,
}
SCHEMES: Mapping[DatabaseType, tuple[str, ...]] = {
    "postgresql": ("postgresql", "postgres"),
    "mysql": ("mysql", "mariadb"),
    "mariadb": ("mariadb", "mysql"),
    "sqlite": ("sqlite",),
    "mongodb": ("mongodb",),
}
OPTIONS: Mapping[DatabaseType, tuple[str, ...]] = {
    "postgresql": ("sslmode", "application_name", "target_session_attrs"),
    "mysql": ("ssl-mode",),
    "mariadb": ("ssl-mode",),
    "sqlite": (),
    "mongodb": ("tls", "authSource"),
}
"""The options of a URL that each type takes."""

_TLS: Mapping[str, Tls | None] = {
    "disable": "off",
    "disabled": "off",
    "false": "off",
    "allow": None,
    "prefer": None,
    "preferred": None,
    "require": "require",
    "required": "require",
    "verify-ca": "verify",
    "verify_ca": "verify",
    "verify-full": "verify",
    "verify_identity": "verify",
    "true": "verify",
}
_TLS_OPTIONS = frozenset({"sslmode", "ssl-mode", "tls"})
_PASSWORD = re.compile(r"\A[^:/?#]+://[^/?#@]*?:(?P<password>[^/?#]*)@")


class PlaceFault(ValueError):
    """Why nothing can be reached at a URL; its text holds nothing of it."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class Place(Struct, frozen=True):
    """Where a database is, and as whom."""

    type: DatabaseType
    servers: tuple[tuple[str, int], ...]
    """Hosts and ports; several of one cluster. Empty for a file."""
    database: str
    """The name, or the file's path."""
    user: str | None = None
    password: str | None = None
    tls: Tls | None = None
    """None: as the driver does it if nobody asks."""
    options: tuple[tuple[str, str], ...] = ()
    allow_private: bool = False
    connections: int = 10

    @property
    def shown(self) -> str:
        """Name it for a message."""
        if not self.servers:
            return self.database
        return ",".join(f"{host}:{port}" for host, port in self.servers)

    def __repr__(self) -> str:
        """Keep credentials out of every log and traceback."""
        return f"Place({self.type!r}, {self.shown!r})"


def place_of(target: DatabaseTarget) -> Place:
    """Return where an action's database is; raises `PlaceFault`."""
    if target.url is not None:
        place = read_url(target.url, target.database_type)
    else:
        place = _of_parts(target)
    return Place(
        type=place.type,
        servers=place.servers,
        database=place.database,
        user=place.user,
        password=place.password,
        tls=target.tls or place.tls,
        options=place.options,
        allow_private=target.allow_private,
        connections=target.connections,
    )


def read_url(url: str, kind: DatabaseType) -> Place:
    """Read a database's URL; raises `PlaceFault`.

    >>> read_url("postgresql://app:s%40@db.example/shop", "postgresql").servers
    (('db.example', 5432),)
    """
    parts = _split(url, kind)
    if kind == "sqlite":
        return _file(parts)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, colon, password = credentials.partition(":")
    options = _options(parts.query, kind)
    tls = [value for name, value in options.items() if name in _TLS_OPTIONS]
    return Place(
        type=kind,
        servers=tuple(_server(one, kind) for one in hosts.split(",")),
        database=_name(unquote(parts.path.removeprefix("/"))),
        user=unquote(user) or None,
        password=unquote(password) if colon else None,
        tls=_TLS[tls[0].lower()] if tls else None,
        options=tuple((name, one) for name, one in options.items() if name not in _TLS_OPTIONS),
    )


def password_in(url: str) -> str | None:
    """Return the password that stands in a URL, references and all; none if there is none.

    >>> password_in("mysql://app:$Secret{pw}@db/shop"), password_in("mysql://app@db/shop")
    ('$Secret{pw}', None)
    """
    found = _PASSWORD.match(url)
    return found["password"] if found and found["password"] else None


def _of_parts(target: DatabaseTarget) -> Place:
    kind = target.database_type
    if target.database is None:
        raise PlaceFault("a `database`", "none")
    if kind == "sqlite":
        return Place(kind, (), target.database)
    if target.host is None:
        raise PlaceFault("a `host`", "none")
    server = (target.host, target.port or PORTS[kind])
    return Place(kind, (server,), target.database, target.user, target.password)


def _split(url: str, kind: DatabaseType) -> SplitResult:
    wanted = f"a URL that begins with `{SCHEMES[kind][0]}://`"
    try:
        parts = urlsplit(url)
    except ValueError:
        raise PlaceFault(wanted, "a text that is none") from None
    if parts.scheme == "mongodb+srv":
        raise PlaceFault("a URL that lists its hosts, `mongodb://`", "`mongodb+srv://`")
    if parts.scheme not in SCHEMES[kind] or "://" not in url:
        raise PlaceFault(wanted, "another one")
    if parts.fragment:
        raise PlaceFault("`#` written as `%23` in a URL", "one as it is")
    return parts


def _file(parts: SplitResult) -> Place:
    path = unquote(parts.path).removeprefix("/")
    if parts.netloc or parts.query or not path or path == ":memory:":
        raise PlaceFault("the path of a file, as `sqlite:///data/shop.db`", "another URL")
    return Place("sqlite", (), path)


def _server(text: str, kind: DatabaseType) -> tuple[str, int]:
    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif ":" in text:
        host, _, port = text.rpartition(":")
    if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 2**16)):
        raise PlaceFault("a host, and a port from 1 to 65535", "another text")
    return unquote(host), int(port or PORTS[kind])


def _name(path: str) -> str:
    if not path or "/" in path or "\x00" in path:
        raise PlaceFault("the name of a database behind the host", "none" if not path else "a path")
    return path


def _options(query: str, kind: DatabaseType) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name, value in options.items():
        if name not in OPTIONS[kind]:
            known = listed(OPTIONS[kind]) or "none"
            raise PlaceFault(f"one of the options {known}", f"`{name[:40]}`")
        if name in _TLS_OPTIONS and value.lower() not in _TLS:
            raise PlaceFault(f"one of {listed([*_TLS])}", f"another `{name}`")
    return options
