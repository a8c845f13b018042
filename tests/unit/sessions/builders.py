"""Scopes, clocks and issuers for tests of sessions, over a real store."""

from collections.abc import Mapping

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.target import Target
from ductape.errors import NotFound
from ductape.ports.catalog import SessionDefinition
from ductape.ports.sessions import SessionScope
from ductape.sessions.tokens import SessionTokens
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.sessions import SqliteSessions
from ductape.vault.sealing import RingVault
from tests.unit.vault.builders import CountedEntropy, a_ring

NOW_MS = 1_800_000_000_123
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DATA: dict[str, object] = {"userId": "u-17", "email": "ada@example.org", "age": 36}
SCHEMA: JsonObject = {"userId": "u-1", "email": "a@example.org", "age": 1}


class SetClock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.at_ms = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms


class ListedCatalog:
    """A catalog of session definitions."""

    def __init__(self, definitions: Mapping[tuple[str, str, str], SessionDefinition]) -> None:
        self._definitions = definitions

    async def version(self, product: str) -> int:
        if all(product != known for known, _, _ in self._definitions):
            raise NotFound(f"there is no product {product!r}")
        return 1

    async def session(self, product: str, env: str, tag: str) -> SessionDefinition:
        try:
            return self._definitions[product, env, tag]
        except KeyError as error:
            raise NotFound(f"{product} has no session {tag!r} in {env}") from error

    async def resolve(
        self,
        product: str,
        env: str,
        event: str,
        app: str | None,
        input: JsonObject,  # noqa: A002 (the port's name)
    ) -> Target:
        raise NotFound(f"{product}/{env} has no event {event!r} ({app}, {len(input)} fields)")

    async def cache_expiry_ms(
        self,
        product: str,
        tag: str,
        *,
        version: int | None = None,  # noqa: ARG002 (the port's)
    ) -> int | None:
        raise NotFound(f"{product} has no cache {tag!r}")


class Desk(Struct, frozen=True):
    """An issuer with what it stands on."""

    tokens: SessionTokens
    rows: SqliteSessions
    clock: SetClock


def a_desk(engine: Engine, *ids: str, clock: SetClock | None = None) -> Desk:
    rows, clock, entropy = SqliteSessions(engine), clock or SetClock(), CountedEntropy()
    vault = RingVault(a_ring(*ids), entropy)
    return Desk(SessionTokens(vault, rows, clock, entropy), rows, clock)


def a_definition(
    tag: str = "login",
    *,
    schema: JsonObject | None = None,
    selector: tuple[str, ...] = ("userId",),
    expiry_ms: int = HOUR_MS,
    verify: Mapping[str, JsonValue] | None = None,
) -> SessionDefinition:
    return SessionDefinition(
        tag=tag,
        schema=SCHEMA if schema is None else schema,
        expiry_ms=expiry_ms,
        selector=selector,
        verify=dict(verify or {}),
    )


def a_scope(
    product: str = "orders", env: str = "prd", *, definition: SessionDefinition | None = None
) -> SessionScope:
    return SessionScope(product, env, definition or a_definition())
