"""Executes a quota: counts a subject's use, and spreads calls over providers (SPEC 9).

What was counted is remembered, and so is an answer: a further attempt counts and calls no more.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import cast

import msgspec

from ductape.domain.definitions.quota import QuotaTarget
from ductape.domain.fingerprint import canonical
from ductape.domain.inputs.quota import OWN
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.limits.quota import Rule, Verdict, rule_at, weighted
from ductape.domain.outcome import Failure
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import ProviderError, QuotaExceeded, invalid
from ductape.handlers.choosing.breaking import SKIPPED, NotTried
from ductape.handlers.choosing.options import Around, Options, failed_with
from ductape.handlers.choosing.trying import Trying, trying_of
from ductape.ports.handler import Invocation
from ductape.ports.stores.quotas import QuotaKey, Quotas

COUNTED = "counted"
ANSWER = "answer"
_DIGEST_BYTES = 16


class QuotaHandler:
    """`ports.handler.Handler` for the kind `quota`."""

    def __init__(self, quotas: Quotas, around: Around, zones: ZoneLookup, secret: bytes) -> None:
        """Count in the store, under subjects hashed with a secret of 32 bytes."""
        self._quotas = quotas
        self._around = around
        self._zones = zones
        self._secret = secret

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Return `{success, remaining, limit, period, resets_at}`, with options `provider, result`.

        Raises `QuotaExceeded` where the amount does not fit, and what a provider fails with.
        """
        target = msgspec.convert(invocation.target.definition, QuotaTarget)
        action = invocation.input.get("action") or "increment"
        if action != "increment":
            return await self._looked_at(target, invocation, reset=action == "reset")
        options = Options(self._around, invocation, f"quota:{target.tag}", target.options)
        given: JsonObject = {k: v for k, v in invocation.input.items() if k not in OWN}
        trying = trying_of(options, invocation, given)
        await trying.unwind_if_told()
        counted = await self._counted(target, invocation)
        if not target.options:
            return counted
        kept = invocation.engine.remembered(ANSWER)
        answer = kept if isinstance(kept, dict) else await self._spread(target, options, trying)
        return {**counted, **answer}

    async def _looked_at(
        self, target: QuotaTarget, invocation: Invocation, *, reset: bool
    ) -> JsonObject:
        if target.limit is None:
            return _told(target, None)
        key = self._key(target, invocation)
        if reset:
            await self._quotas.reset(key)
        now_ms = self._around.clock.now_ms()
        rule = self._rule(target, target.limit, now_ms)
        amount = 0 if reset else _amount(invocation)
        return _told(target, await self._quotas.check(key, rule, amount, now_ms=now_ms))

    async def _counted(self, target: QuotaTarget, invocation: Invocation) -> JsonObject:
        if target.limit is None:
            return _told(target, None)
        kept = invocation.engine.remembered(COUNTED)
        if isinstance(kept, dict):
            return kept
        now_ms = self._around.clock.now_ms()
        rule = self._rule(target, target.limit, now_ms)
        key, amount = self._key(target, invocation), _amount(invocation)
        verdict = await self._quotas.increment(key, rule, amount, now_ms=now_ms)
        told = _told(target, verdict)
        if not verdict.success:
            raise _exceeded(target, verdict, amount, told)
        await invocation.engine.remember(COUNTED, told)
        return told

    async def _spread(self, target: QuotaTarget, options: Options, trying: Trying) -> JsonObject:
        """Call one provider: that which is under way, else chosen by weight among the well ones."""
        well = [at for at, option in enumerate(target.options) if option.weight > 0]
        skipped: list[JsonValue] = []
        while well:
            begun = trying.under_way()
            at = begun if begun in well else self._chosen(target, well)
            try:
                outcome = await trying.answer(at, lambda: options.ends_ms)
            except NotTried as error:
                if error.code not in SKIPPED:
                    await trying.give_up()
                    raise ProviderError(error.code, error.message) from error
                skipped.append(error.told(options[at]))
                well.remove(at)
                continue
            if isinstance(outcome, Failure):
                await trying.give_up()
                raise failed_with(outcome)
            answer: JsonObject = {"provider": options[at].provider, "result": outcome[0]}
            await trying.keep(ANSWER, answer)
            return answer
        await trying.give_up()
        message = f"no provider of `{target.tag}` is well: none is called for a while"
        raise ProviderError("SERVICE_UNAVAILABLE", message, details={"failures": skipped})

    def _chosen(self, target: QuotaTarget, well: Sequence[int]) -> int:
        weights = [target.options[at].weight for at in well]
        return well[weighted(weights, self._around.entropy.draw())]

    def _rule(self, target: QuotaTarget, limit: int, now_ms: int) -> Rule:
        try:
            zone = self._zones(target.tz)
        except KeyError as error:
            expected = "a time zone of the tz database"
            raise invalid("definition.tz", expected, f"`{target.tz}`") from error
        return rule_at(limit, target.period, target.algorithm, now_ms=now_ms, zone=zone)

    def _key(self, target: QuotaTarget, invocation: Invocation) -> QuotaKey:
        fields: list[JsonValue] = [[name, invocation.input[name]] for name in sorted(target.per)]
        digest = blake2b(canonical(fields), key=self._secret, digest_size=_DIGEST_BYTES)
        return QuotaKey(invocation.product, invocation.env, target.tag, digest.digest())


def _amount(invocation: Invocation) -> int:
    return cast("int", invocation.input.get("amount") or 1)


def _told(target: QuotaTarget, verdict: Verdict | None) -> JsonObject:
    """Write a verdict as its caller sees it; a quota without a limit has none."""
    if verdict is None:
        names = ("remaining", "limit", "period", "resets_at")
        return {"success": True, **dict.fromkeys(names)}
    return {
        "success": verdict.success,
        "remaining": verdict.remaining,
        "limit": target.limit,
        "period": target.period,
        "resets_at": verdict.resets_at_ms,
    }


def _exceeded(
    target: QuotaTarget, verdict: Verdict, amount: int, told: JsonObject
) -> QuotaExceeded:
    if target.limit is not None and amount > target.limit:
        message = f"{amount} can never fit in the quota `{target.tag}` of {target.limit}"
        return QuotaExceeded(
            f"{message} per {target.period}: nothing was counted",
            retry_after_ms=None,
            details=told,
        )
    asked = "" if amount == 1 else f", {amount} were asked for"
    left = f"{verdict.remaining} of {target.limit} per {target.period} are left"
    return QuotaExceeded(
        f"the quota `{target.tag}` is used up: {left}{asked}; try again in {verdict.wait_ms} ms",
        retry_after_ms=verdict.wait_ms,
        details=told,
    )
