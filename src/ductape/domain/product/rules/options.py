"""Rules about what calls other events: quotas, fallbacks, jobs that point at one (SPEC 8, 9)."""

from collections.abc import Iterator, Sequence

from ductape.domain.found import kind_of, listed, shown
from ductape.domain.inputs.schema import rule_faults
from ductape.domain.parsing.scalars import SPAN_MAX_MS
from ductape.domain.product.format.document import Job, Product
from ductape.domain.product.format.options import (
    Fallback,
    FallbackOption,
    Quota,
    QuotaOption,
    provider_names,
)
from ductape.domain.product.rules.callees import Callee, callee_faults
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import Fault, fault

_OURS = ("provider", "failures")
"""What a fallback's result has beside the output."""


def choosing_faults(product: Product) -> Iterator[Fault]:
    """Tell what is wrong with everything that calls other events."""
    for at, quota in enumerate(product.quotas):
        yield from _quota_faults(quota, f"quotas[{at}]")
        yield from _option_faults(product, quota.options, f"quotas[{at}].options")
    for at, fallback in enumerate(product.fallbacks):
        yield from _fallback_faults(fallback, f"fallbacks[{at}]")
        yield from _option_faults(product, fallback.options, f"fallbacks[{at}].options")
    for at, job in enumerate(product.jobs):
        yield from _job_faults(product, job, f"jobs[{at}]")


def zone_faults(product: Product, zones: ZoneLookup) -> Iterator[Fault]:
    """Tell every time zone that the tz database does not have."""
    for at, quota in enumerate(product.quotas):
        try:
            zones(quota.tz)
        except KeyError:
            path = f"quotas[{at}].tz"
            yield fault(path, "a time zone of the tz database", shown(quota.tz, path))


def _quota_faults(quota: Quota, path: str) -> Iterator[Fault]:
    limits = [quota.limit, *(env.limit for env in quota.envs)]
    limited = any(limit is not None for limit in limits)
    if not limited and not quota.options:
        yield fault(path, "`limit` and `period`, or `options`", "neither")
    if limited and quota.period is None:
        yield fault(f"{path}.period", "a period of the limit", "nothing")
    if not limited and (quota.per or quota.period):
        yield fault(f"{path}.limit", "the limit of the period", "nothing")
    for name in sorted({name for name in quota.per if name in ("amount", "action")}):
        yield fault(f"{path}.per", "fields that name the subject", f"`{name}`")
    if quota.options and not any(option.weight for option in quota.options):
        yield fault(f"{path}.options", "a weight above 0 in at least one", "none")


def _fallback_faults(fallback: Fallback, path: str) -> Iterator[Fault]:
    if not fallback.options:
        yield fault(f"{path}.options", "at least one option", "none")
    for name, rule in fallback.input.items():
        yield from rule_faults(rule, f"{path}.input.{name}")
    for at, option in enumerate(fallback.options):
        for name in _OURS:
            if isinstance(option.output, dict) and name in option.output:
                expected = f"a name other than {listed(_OURS)}, which every result has"
                yield fault(f"{path}.options[{at}].output.{name}", expected, "that one")


def _option_faults(
    product: Product, options: Sequence[QuotaOption | FallbackOption], path: str
) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for at, (option, name) in enumerate(zip(options, provider_names(options), strict=True)):
        where = f"{path}[{at}]"
        if name in first:
            found = f"`{name}`, as {path}[{first[name]}] is called"
            yield fault(f"{where}.tag", "a tag that tells the options apart", found)
        first.setdefault(name, at)
        callee = Callee(option.event, option.type, option.app)
        yield from callee_faults(product, callee, where)
        if option.input is not None and not isinstance(option.input, dict | str):
            yield fault(f"{where}.input", "an object or a reference", kind_of(option.input))


def _job_faults(product: Product, job: Job, path: str) -> Iterator[Fault]:
    if (job.handler is None) == (job.event_tag is None):
        found = "neither" if job.handler is None else "both"
        yield fault(path, "`handler: python`, or the `event_tag` that it points at", found)
    if job.event_tag is None:
        for name in ("event_type", "app", "executions", "intervals"):
            if getattr(job, name) is not None:
                yield fault(f"{path}.event_tag", f"the event that `{name}` is about", "nothing")
        return
    if job.event_type is None:
        yield fault(f"{path}.event_type", "the kind of the event", "nothing")
        return
    if (job.executions or 1) * (job.intervals or 0) > SPAN_MAX_MS:
        yield fault(f"{path}.intervals", "at most a hundred years in all", "more")
    callee = Callee(job.event_tag, job.event_type, job.app)
    yield from callee_faults(product, callee, path, "event_tag", "event_type")
