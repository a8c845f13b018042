"""A database of the product's own, and what is done in it (SPEC 8, 9).

Where it is stands in one `url` or in its parts; an env's entry replaces either, key by key.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.product.format.words import (
    AnswerBytes,
    Credential,
    Filled,
    Name,
    Port,
    Tag,
    Words,
)

DatabaseType: TypeAlias = Literal["postgresql", "mysql", "mariadb", "sqlite", "mongodb"]
ActionType: TypeAlias = Literal["read", "create", "update", "delete", "aggregate"]
Tls: TypeAlias = Literal["off", "require", "verify"]
"""No TLS; TLS with whoever answers; TLS with a certificate of the host's name."""

Connections: TypeAlias = Annotated[
    int, Meta(ge=1, le=100, description="a number of connections from 1 to 100")
]


class DatabaseEnv(Struct, frozen=True):
    """Where a database is in one env."""

    slug: Tag
    url: Credential | None = None
    host: Filled | None = None
    port: Port | None = None
    user: Filled | None = None
    password: Credential | None = None
    database: Filled | None = None
    tls: Tls | None = None
    allow_private: bool | None = None


class DatabaseAction(Struct, frozen=True):
    """One thing that is done in a database."""

    tag: Tag
    type: ActionType
    template: JsonValue
    """SQL with `{{placeholders}}`; for MongoDB an object."""
    name: Name | None = None
    description: Words | None = None
    max_result_bytes: AnswerBytes = 1_048_576
    """Of the rows as JSON; reading stops where there are more."""
    sensitive: bool = False


class Database(Struct, frozen=True):
    """One database."""

    tag: Tag
    type: DatabaseType
    name: Name | None = None
    description: Words | None = None
    url: Credential | None = None
    """With credentials only as `$Secret{name}`, whole or in part."""
    host: Filled | None = None
    port: Port | None = None
    user: Filled | None = None
    password: Credential | None = None
    database: Filled | None = None
    """The database's name; of SQLite the path of its file."""
    tls: Tls | None = None
    allow_private: bool | None = None
    """Asks to reach private addresses; none means what the product's env says."""
    connections: Connections = 10
    """How many a worker opens at most, for each env."""
    envs: tuple[DatabaseEnv, ...] = ()
    actions: tuple[DatabaseAction, ...] = ()
