"""Does the store fit this program? Its schema, its clock, its keys, its products. Pure."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.product.format.document import Retention
from ductape.domain.schema import StoreSchema, serves
from ductape.services.doctor.findings import Details, Finding, fault, ok, warning
from ductape.services.doctor.texts import count_text, span_text

SKEWED_MS: Final = 1_000
"""How far the clocks of this machine and of the server may be apart."""
MOST_PRODUCTS: Final = 20


class ClockFacts(Struct, frozen=True):
    """What the server's clock was ahead of this machine's (ms); negative: behind."""

    ahead_ms: int
    unsure_ms: int
    """How long the answer took: it may be so much more or less."""


class KeyFacts(Struct, frozen=True):
    """One encryption key, never the key itself."""

    id: str
    seals: bool
    """Whether it is the ring's newest."""
    in_ring: bool
    newest_seen: bool
    """Whether it is the newest that the store was sealed with."""
    fits: bool
    """Whether the ring's key of this id opens what the store was sealed with under it."""


def schema(found: StoreSchema | None, newest: int) -> Finding:
    """Compare a store's schema with this release's."""
    if found is None:
        return warning(
            "schema",
            "number",
            "there is no database yet",
            remedy="`ductape migrate` makes it, and so does the first opening",
            details={"schema": None, "newest": newest},
        )
    number = found.number
    figures = {"schema": number, "newest": newest}
    if number == newest:
        return ok("schema", "number", f"{number}, up to date", details=figures)
    if number < newest:
        return warning(
            "schema",
            "number",
            f"{number}, and this release has {newest}",
            remedy="`ductape migrate`; the first opening does the same",
            details=figures,
        )
    return _newer(found, newest, figures)


def fits(found: StoreSchema | None, newest: int) -> bool:
    """Tell whether a store can be opened, by this release, without being changed."""
    return found is not None and found.number >= newest and serves(found, newest)


def clock(facts: ClockFacts | None) -> Finding:
    """Compare this machine's clock with the server's."""
    if facts is None:
        return ok("clock", "skew", "this machine's own is the store's")
    away_ms = max(abs(facts.ahead_ms) - facts.unsure_ms, 0)
    figures = {"ahead": facts.ahead_ms, "unsure": facts.unsure_ms}
    if away_ms < SKEWED_MS:
        said = f"this machine and the server agree within {facts.unsure_ms + away_ms} ms"
        return ok("clock", "skew", said, details=figures)
    way = "ahead of" if facts.ahead_ms > 0 else "behind"
    return warning(
        "clock",
        "skew",
        f"the server is {span_text(away_ms)} {way} this machine",
        remedy="let a time service (NTP) set the clocks of both",
        details=figures,
    )


def key(one: KeyFacts) -> Finding:
    """Judge a key against what the store was sealed with."""
    figures = {"id": one.id, "in_ring": one.in_ring, "seals": one.seals}
    if not one.in_ring:
        return _missing(one)
    if not one.fits:
        return fault(
            "keys",
            one.id,
            "it is not the key that the store knows by this id",
            remedy="give the key that the store was used with",
            details=figures,
        )
    said = "seals and opens" if one.seals else "opens what it sealed"
    return ok("keys", one.id, said, details=figures)


def products(
    versions: Mapping[str, int | None], kept: Mapping[str, Retention] | None = None
) -> list[Finding]:
    """Tell which products there are, the first of them by name, and what they keep otherwise."""
    if not versions:
        return [ok("products", "none", "there is no product yet: `ductape apply FILE`")]
    shown = list(versions.items())[:MOST_PRODUCTS]
    found = [_product(tag, version, (kept or {}).get(tag)) for tag, version in shown]
    more = len(versions) - len(shown)
    return [*found, ok("products", "…", f"and {count_text(more, 'other')}")] if more else found


def _product(tag: str, version: int | None, kept: Retention | None) -> Finding:
    said, details = [f"version {version}"], dict[str, JsonValue](version=version)
    days = {} if kept is None else {"completed": kept.completed, "failed": kept.failed}
    for name, count in days.items():
        if count is not None:
            said.append(f"{name} runs are kept {count:g} days")
            details[f"{name}_kept_days"] = count
    return ok("products", tag, "; ".join(said), details=details)


def zones(version: str) -> Finding:
    """Tell which release of the tz database computes the instants."""
    said = f"tz database {version}, the package's own"
    return ok("zones", "version", said, details={"version": version})


def _newer(found: StoreSchema, newest: int, figures: Details) -> Finding:
    if serves(found, newest):
        return warning(
            "schema",
            "number",
            f"{found.number} is newer than this release, which has {newest} and goes on working",
            remedy="end the rolling upgrade: this process is of a version before",
            details=figures,
        )
    return fault(
        "schema",
        "number",
        f"{found.number} is newer than this release, which has {newest}",
        remedy="upgrade ductape-jobs to the version that wrote it",
        details=figures,
    )


def _missing(key: KeyFacts) -> Finding:
    figures = {"id": key.id, "in_ring": False, "seals": False}
    if key.newest_seen:
        return fault(
            "keys",
            key.id,
            "the store was last sealed with it, and it is not in the ring",
            remedy=f"give DUCTAPE_KEY, or the key file, the key {key.id}",
            details=figures,
        )
    return warning(
        "keys",
        key.id,
        "the store was sealed with it once, and it is not in the ring",
        remedy="put it behind the ring's newest, or what it sealed stays closed",
        details=figures,
    )
