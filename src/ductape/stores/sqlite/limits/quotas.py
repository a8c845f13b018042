"""Quotas and breakers on SQLite: the one writer makes each change whole."""

from collections.abc import Callable
from typing import cast

import msgspec

from ductape.domain.limits.breaker import (
    CLOSED,
    Admission,
    Breaker,
    BreakerRule,
    State,
    admit,
    failed,
    told_nothing,
)
from ductape.domain.limits.quota import Rule, Uses, Verdict, check, increment, outlived_at
from ductape.ports.stores.quotas import BreakerKey, QuotaKey
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import statements


class SqliteQuotas:
    """Where use is counted."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def check(self, key: QuotaKey, rule: Rule, amount: int, *, now_ms: int) -> Verdict:
        """Tell whether an amount would fit."""
        uses = await self._engine.read(lambda c: _uses(c, _quota_cells(key)))
        return check(uses, rule, amount, now_ms)

    async def increment(self, key: QuotaKey, rule: Rule, amount: int, *, now_ms: int) -> Verdict:
        """Count an amount if it fits."""

        def count(connection: Connection) -> Verdict:
            values = _quota_cells(key)
            uses, verdict = increment(_uses(connection, values), rule, amount, now_ms)
            if verdict.success:
                kept = {"uses": msgspec.json.encode(uses)}
                until: dict[str, Cell] = {"expires_at": outlived_at(uses, rule, now_ms)}
                connection.execute(statements("quota_windows")["put"], {**values, **kept, **until})
            return verdict

        return await self._engine.write(count)

    async def reset(self, key: QuotaKey) -> None:
        """Forget all that was counted for a subject."""
        sql = statements("quota_windows")["forget"]
        await self._engine.write(lambda c: c.execute(sql, _quota_cells(key)))


class SqliteBreakers:
    """Where it is kept which providers keep failing."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def admit(self, key: BreakerKey, rule: BreakerRule, *, now_ms: int) -> Admission:
        """Tell whether one more call may be made; mostly it may, and that writes nothing."""
        values = _breaker_cells(key, now_ms)
        seen = await self._engine.read(lambda c: _breaker(c, values))
        _, admission = admit(seen, rule, now_ms)
        if admission != "probe":
            return admission
        return await self._change(values, lambda breaker: admit(breaker, rule, now_ms))

    async def answered(self, key: BreakerKey) -> None:
        """Note that a provider answered; where it never failed, that writes nothing."""
        values = _breaker_cells(key, 0)
        if await self._engine.read(lambda c: _breaker(c, values)) != CLOSED:
            sql = statements("breakers")["forget"]
            await self._engine.write(lambda c: c.execute(sql, values))

    async def failed(self, key: BreakerKey, rule: BreakerRule, *, now_ms: int) -> None:
        """Note that a provider failed."""
        values = _breaker_cells(key, now_ms)
        await self._change(values, lambda breaker: (failed(breaker, rule, now_ms), "skip"))

    async def told_nothing(self, key: BreakerKey, rule: BreakerRule, *, probed_at_ms: int) -> None:
        """Let the next caller probe."""
        values = _breaker_cells(key, probed_at_ms)
        await self._change(values, lambda one: (told_nothing(one, rule, probed_at_ms), "skip"))

    async def _change(
        self, values: dict[str, Cell], step: Callable[[Breaker], tuple[Breaker, Admission]]
    ) -> Admission:
        def change(connection: Connection) -> Admission:
            before = _breaker(connection, values)
            after, admission = step(before)
            if after != before:
                state: dict[str, Cell] = {"state": after.state, "failures": after.failures}
                put = {**values, **state, "until": after.until_ms}
                connection.execute(statements("breakers")["put"], put)
            return admission

        return await self._engine.write(change)


def _quota_cells(key: QuotaKey) -> dict[str, Cell]:
    return {
        "product": key.product,
        "env": key.env,
        "quota": key.quota,
        "subject": key.subject,
    }


def _breaker_cells(key: BreakerKey, now_ms: int) -> dict[str, Cell]:
    return {
        "product": key.product,
        "env": key.env,
        "owner": key.owner,
        "provider": key.provider,
        "now": now_ms,
    }


def _uses(connection: Connection, values: dict[str, Cell]) -> Uses:
    row = connection.execute(statements("quota_windows")["uses"], values).fetchone()
    return () if row is None else msgspec.json.decode(cast("bytes", row[0]), type=Uses)


def _breaker(connection: Connection, values: dict[str, Cell]) -> Breaker:
    row = connection.execute(statements("breakers")["get"], values).fetchone()
    return CLOSED if row is None else Breaker(cast("State", row[0]), row[1], row[2])
