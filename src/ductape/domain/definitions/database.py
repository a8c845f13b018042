"""A database action, as it is in one env."""

from typing import Literal

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.references.walk import LITERAL, is_literal
from ductape.domain.templates.sql import Dialect

DatabaseType = Literal["postgresql", "mysql", "mariadb", "sqlite", "mongodb"]
ActionType = Literal["read", "create", "update", "delete", "aggregate"]

DIALECTS: dict[DatabaseType, Dialect] = {
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
}
"""Whose rules the SQL of each type is read by."""

READS = frozenset({"read", "aggregate"})
"""What changes nothing: it runs read-only."""


class DatabaseTarget(Struct, frozen=True, omit_defaults=True):
    """A database action for one env."""

    tag: str
    """The database's."""
    database_type: DatabaseType
    type: ActionType
    template: JsonValue
    """In `{"$literal": …}`: whatever looks like a reference in SQL is SQL."""
    url: str | None = None
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = None
    database: str | None = None
    tls: Literal["off", "require", "verify"] | None = None
    allow_private: bool = False
    connections: int = 10
    max_result_bytes: int = 1_048_576

    def __repr__(self) -> str:
        """Keep credentials out of every log and traceback."""
        return f"DatabaseTarget(tag={self.tag!r}, type={self.type!r})"


def template_in(definition: JsonObject) -> JsonValue:
    """Return the template of a definition, resolved or not."""
    template = definition.get("template")
    return template[LITERAL] if isinstance(template, dict) and is_literal(template) else template
