"""Quotas and fallbacks, as they are in an env, with the options that they choose from."""

from collections.abc import Sequence

from msgspec.structs import replace

from ductape.domain.definitions.fallback import FallbackTarget
from ductape.domain.definitions.option import OptionTarget
from ductape.domain.definitions.quota import QuotaTarget
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.limits.breaker import BreakerRule
from ductape.domain.product.addresses import Address
from ductape.domain.product.calls import calls_features, is_sensitive
from ductape.domain.product.checks import check_named
from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.format.healthcheck import Check
from ductape.domain.product.format.options import (
    Breaking,
    FallbackOption,
    QuotaEnv,
    QuotaOption,
    provider_names,
)
from ductape.domain.product.kinds.making import in_env, plain, target
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target


def resolve_quota(product: Product, env: Env, address: Address) -> Target:
    """Return the target of a quota."""
    quota = next(one for one in product.quotas if one.tag == address.event)
    here = in_env(quota.envs, env) or QuotaEnv(slug=env.slug)
    definition = QuotaTarget(
        tag=quota.tag,
        limit=quota.limit if here.limit is None else here.limit,
        period=quota.period or "day",
        per=quota.per,
        algorithm=quota.algorithm,
        tz=quota.tz,
        options=_options(product, env, quota.options),
    )
    made = target(
        product,
        env,
        JobEventTypes.QUOTA,
        quota.tag,
        plain(definition),
        sensitive=is_sensitive(product, quota.tag),
        mappings=_mappings([{"input": option.input} for option in quota.options]),
    )
    return replace(made, calls_features=calls_features(product, quota.tag))


def resolve_fallback(product: Product, env: Env, address: Address) -> Target:
    """Return the target of a fallback."""
    fallback = next(one for one in product.fallbacks if one.tag == address.event)
    definition = FallbackTarget(
        tag=fallback.tag, options=_options(product, env, fallback.options), input=fallback.input
    )
    made = target(
        product,
        env,
        JobEventTypes.FALLBACK,
        fallback.tag,
        plain(definition),
        sensitive=is_sensitive(product, fallback.tag),
        mappings=_mappings(
            [{"input": option.input, "output": option.output} for option in fallback.options]
        ),
    )
    return replace(made, calls_features=calls_features(product, fallback.tag))


def _options(
    product: Product, env: Env, options: Sequence[QuotaOption | FallbackOption]
) -> tuple[OptionTarget, ...]:
    names = provider_names(options)
    checks = [check_named(product, option.healthcheck, env.slug) for option in options]
    return tuple(
        _option(option, name, check)
        for option, name, check in zip(options, names, checks, strict=True)
    )


def _option(
    option: QuotaOption | FallbackOption, provider: str, check: Check | None
) -> OptionTarget:
    return OptionTarget(
        provider=provider,
        kind=JobEventTypes(option.type),
        event=option.event,
        app=option.app,
        weight=option.weight if isinstance(option, QuotaOption) else 1,
        retries=option.retries if isinstance(option, FallbackOption) else 0,
        timeout_ms=option.timeout,
        healthcheck=None if check is None else check.key,
        breaker=_rule(option.breaker, option.timeout),
    )


def _rule(breaker: Breaking, timeout_ms: int | None) -> BreakerRule:
    """Return the breaker's rule; a probe may take as long as any call."""
    cooldown_ms = breaker.cooldown
    return BreakerRule(breaker.failures, cooldown_ms, max(cooldown_ms, timeout_ms or 60_000))


def _mappings(options: list[JsonObject]) -> JsonObject:
    listed: list[JsonValue] = [*options]
    return {"options": listed}
