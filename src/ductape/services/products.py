"""`ductape.products`: applying product documents and looking at them (SPEC 8).

A document is applied whole: validated whole, stored as a new version in one transaction. An
unchanged one is a no-op. Instants are epoch milliseconds.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Protocol, TypedDict, cast

from ductape.domain.fingerprint import DIGEST_BYTES, canonical
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product import (
    Change,
    Product,
    differences,
    no_such,
    parse_product,
    secrets_of,
    zone_faults,
)
from ductape.domain.zone import ZoneLookup
from ductape.errors import Conflict, Fault, ValidationError
from ductape.ports.clock import Clock
from ductape.ports.stores.products import ProductRow, Products
from ductape.services.declaring import ScheduleChange
from ductape.services.stranding import MOST_LISTED, StrandedJob, Stranding

Source = str | Path | Mapping[str, object]
"""The path of a file, or the document itself."""

SecretNames = Callable[[str], Awaitable[list[tuple[str, str]]]]
"""Lists (env, name) of a product's secrets; env is empty for the whole product."""

_TRIES = 10
"""How often a faster writer is given way to."""


class AppliedProduct(TypedDict):
    """What applying a document did, or with `dry_run` would do."""

    tag: str
    version: int
    """The current one after the call; 0 where there is none yet."""
    changed: bool
    """Whether the document differs from the current version."""
    diff: list[Change]
    warnings: list[str]
    stranded: list[StrandedJob]
    schedules: list[ScheduleChange]
    """The jobs of schedules that were made, changed or ended."""


class DeclaredThings(Protocol):
    """What a product declares that lives outside of its document: its recurring jobs."""

    def shapes(self, product: Product) -> list[Fault]:
        """Tell what is wrong with how it is declared."""
        ...

    async def faults(self, product: Product, before: Product | None) -> list[Fault]:
        """Tell what would not be taken, had the document been applied."""
        ...

    async def planned(
        self, product: Product, version: int
    ) -> tuple[list[ScheduleChange], list[str]]:
        """Tell what a version would do, and what it would leave as it is although it ended."""
        ...

    async def keep(self, product: Product, version: int) -> list[ScheduleChange]:
        """Do all that a stored version asks for; tells what was done."""
        ...

    async def finish(self, product: Product, version: int) -> None:
        """Do what is left to be ended, before another version follows this one."""
        ...


class ProductView(TypedDict):
    """One version of a product, whole."""

    tag: str
    version: int
    applied_at: int
    document: JsonObject


class ProductSummary(TypedDict):
    """One version of a product, without its document."""

    tag: str
    name: str | None
    version: int
    applied_at: int


class ProductService:
    """The products of one store."""

    def __init__(
        self,
        products: Products,
        stranding: Stranding,
        *,
        load: Callable[[Source], JsonObject],
        secret_names: SecretNames,
        clock: Clock,
        zones: ZoneLookup,
        declared: DeclaredThings,
    ) -> None:
        self._products = products
        self._stranding = stranding
        self._load = load
        self._secret_names = secret_names
        self._clock = clock
        self._zones = zones
        self._declared = declared

    async def apply(
        self, source: Source, *, dry_run: bool = False, force: bool = False
    ) -> AppliedProduct:
        """Store a document as the product's new version, if it differs from the current one.

        Raises `ValidationError` with every fault, `Conflict` where live jobs would be stranded
        and `force` is not given. `dry_run` stores nothing and refuses nothing but faults.
        """
        document = self._load(source)
        product = parse_product(document, also=self._faults_now)
        warnings = _warnings(product, await self._secret_names(product.tag))
        for _ in range(_TRIES):
            current = await self._products.current(product.tag)
            plan = await self._plan(product, document, current, warnings)
            if dry_run:
                return plan
            if not plan["changed"]:
                return await self._kept(plan, product, plan["version"])
            if plan["stranded"] and not force:
                raise _would_strand(plan)
            if current is not None:
                await self._declared.finish(parse_product(current.document), current.version)
            version = await self._put(document, plan)
            if version is not None:
                return await self._kept(plan, product, version)
        raise Conflict(
            f"somebody else goes on applying `{product.tag}`",
            hint="apply again when they have finished",
        )

    async def get(self, tag: str) -> ProductView:
        """Return the current version with its document; raises `NotFound`."""
        row = await self._products.current(tag)
        if row is None:
            raise no_such("tag", "product", tag, await self._products.tags())
        return ProductView(
            tag=row.tag, version=row.version, applied_at=row.applied_at_ms, document=row.document
        )

    async def versions(self, tag: str) -> list[ProductSummary]:
        """List every version, newest first; raises `NotFound`."""
        rows = await self._products.versions(tag)
        if not rows:
            raise no_such("tag", "product", tag, await self._products.tags())
        return [_summary(row) for row in rows]

    async def list(self) -> list[ProductSummary]:
        """List the products by tag, each in its current version."""
        rows = [await self._products.current(tag) for tag in await self._products.tags()]
        return [_summary(row) for row in rows if row is not None]

    async def _plan(
        self,
        product: Product,
        document: JsonObject,
        current: ProductRow | None,
        warnings: "list[str]",
    ) -> AppliedProduct:
        changed = current is None or current.digest != _digest(document)
        before = None if current is None else parse_product(current.document)
        version = 0 if current is None else current.version
        if changed and (faults := await self._declared.faults(product, before)):
            raise ValidationError(faults)
        stranded = await self._stranding.by_change(before, product) if before and changed else []
        schedules, left = await self._declared.planned(product, version + 1 if changed else version)
        return AppliedProduct(
            tag=product.tag,
            version=version,
            changed=changed,
            diff=differences({} if current is None else current.document, document),
            warnings=[*warnings, *left],
            stranded=stranded,
            schedules=schedules,
        )

    async def _kept(self, plan: AppliedProduct, product: Product, version: int) -> AppliedProduct:
        done = await self._declared.keep(product, version)
        return {**plan, "version": version, "schedules": done}

    def _faults_now(self, product: Product) -> Iterator[Fault]:
        yield from zone_faults(product, self._zones)
        yield from self._declared.shapes(product)

    async def _put(self, document: JsonObject, plan: AppliedProduct) -> int | None:
        return await self._products.put(
            plan["tag"],
            document,
            _digest(document),
            after=plan["version"],
            now_ms=self._clock.now_ms(),
        )


def _digest(document: JsonObject) -> bytes:
    return blake2b(canonical(document), digest_size=DIGEST_BYTES).digest()


def _summary(row: ProductRow) -> ProductSummary:
    name = cast("str | None", row.document.get("name"))
    return ProductSummary(tag=row.tag, name=name, version=row.version, applied_at=row.applied_at_ms)


def _warnings(product: Product, kept: list[tuple[str, str]]) -> list[str]:
    """Tell which secrets the product needs and does not have yet."""
    slugs = [env.slug for env in product.envs]
    lacking: dict[str, list[str]] = {}
    for slug in slugs:
        for name in secrets_of(product, slug):
            if ("", name) not in kept and (slug, name) not in kept:
                lacking.setdefault(name, []).append(slug)
    return [
        warning
        for name, envs in sorted(lacking.items())
        for warning in _missing_secret(product.tag, name, envs if envs != slugs else [""])
    ]


def _missing_secret(tag: str, name: str, envs: list[str]) -> list[str]:
    return [
        f"the secret `{name}` does not exist yet{f' for env `{env}`' if env else ''}:"
        f" `ductape secrets set {name} --product {tag}{f' --env {env}' if env else ''}`"
        for env in envs
    ]


def _would_strand(plan: AppliedProduct) -> Conflict:
    stranded = plan["stranded"]
    count = f"{len(stranded)} or more" if len(stranded) == MOST_LISTED else str(len(stranded))
    first = stranded[0]
    return Conflict(
        f"{count} live jobs would be stranded, such as {first['job_id']}: {first['reason']}",
        hint="cancel them, or apply with force to let them fail",
        details={"stranded": stranded},
    )
