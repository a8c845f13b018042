"""Quotas and breakers on PostgreSQL: whoever changes a row holds it until its transaction ends."""

from collections.abc import Callable

import msgspec

from ductape.domain.limits.breaker import (
    CLOSED,
    Admission,
    Breaker,
    BreakerRule,
    admit,
    failed,
    told_nothing,
)
from ductape.domain.limits.quota import Rule, Uses, Verdict, check, increment, outlived_at
from ductape.ports.stores.quotas import BreakerKey, QuotaKey
from ductape.stores.postgres.rows.values import Row, Values
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction


class PostgresQuotas:
    """Where use is counted."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def check(self, key: QuotaKey, rule: Rule, amount: int, *, now_ms: int) -> Verdict:
        """Tell whether an amount would fit."""
        values = _quota_values(key)
        row = await self._engine.single(lambda t: t.row("quota_windows", "uses", values))
        return check(_uses(row), rule, amount, now_ms)

    async def increment(self, key: QuotaKey, rule: Rule, amount: int, *, now_ms: int) -> Verdict:
        """Count an amount if it fits."""

        async def count(transaction: Transaction) -> Verdict:
            values: Values = {**_quota_values(key), "now": now_ms}
            row = await transaction.row("quota_windows", "hold", values)
            if row is None:
                row = await transaction.row("quota_windows", "begin", values)
            uses, verdict = increment(_uses(row), rule, amount, now_ms)
            if verdict.success:
                expires_at = outlived_at(uses, rule, now_ms)
                kept: Values = {"uses": msgspec.json.encode(uses), "expires_at": expires_at}
                await transaction.change("quota_windows", "change", {**values, **kept})
            return verdict

        return await self._engine.write(count)

    async def reset(self, key: QuotaKey) -> None:
        """Forget all that was counted for a subject."""
        values = _quota_values(key)
        await self._engine.single(lambda t: t.change("quota_windows", "forget", values))


class PostgresBreakers:
    """Where it is kept which providers keep failing."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def admit(self, key: BreakerKey, rule: BreakerRule, *, now_ms: int) -> Admission:
        """Tell whether one more call may be made; mostly it may, and that writes nothing."""
        values = _breaker_values(key, now_ms)
        _, admission = admit(await self._seen(values), rule, now_ms)
        if admission != "probe":
            return admission
        return await self._change(values, lambda breaker: admit(breaker, rule, now_ms))

    async def answered(self, key: BreakerKey) -> None:
        """Note that a provider answered; where it never failed, that writes nothing."""
        values = _breaker_values(key, 0)
        if await self._seen(values) != CLOSED:
            await self._engine.single(lambda t: t.change("breakers", "forget", values))

    async def failed(self, key: BreakerKey, rule: BreakerRule, *, now_ms: int) -> None:
        """Note that a provider failed."""
        values = _breaker_values(key, now_ms)
        await self._change(values, lambda breaker: (failed(breaker, rule, now_ms), "skip"))

    async def told_nothing(self, key: BreakerKey, rule: BreakerRule, *, probed_at_ms: int) -> None:
        """Let the next caller probe."""
        values = _breaker_values(key, probed_at_ms)
        await self._change(values, lambda one: (told_nothing(one, rule, probed_at_ms), "skip"))

    async def _seen(self, values: Values) -> Breaker:
        return _breaker(await self._engine.single(lambda t: t.row("breakers", "get", values)))

    async def _change(
        self, values: Values, step: Callable[[Breaker], tuple[Breaker, Admission]]
    ) -> Admission:
        async def change(transaction: Transaction) -> Admission:
            before = _breaker(await transaction.row("breakers", "hold", values))
            after, admission = step(before)
            if after != before:
                state: Values = {"state": after.state, "failures": after.failures}
                changed: Values = {**values, **state, "until": after.until_ms}
                await transaction.change("breakers", "change", changed)
            return admission

        return await self._engine.write(change)


def _quota_values(key: QuotaKey) -> Values:
    return {
        "product": key.product,
        "env": key.env,
        "quota": key.quota,
        "subject": key.subject,
    }


def _breaker_values(key: BreakerKey, now_ms: int) -> Values:
    return {
        "product": key.product,
        "env": key.env,
        "owner": key.owner,
        "provider": key.provider,
        "now": now_ms,
    }


def _uses(row: Row | None) -> Uses:
    return () if row is None else msgspec.json.decode(row[0], type=Uses)


def _breaker(row: Row | None) -> Breaker:
    return CLOSED if row is None else Breaker(row[0], row[1], row[2])
