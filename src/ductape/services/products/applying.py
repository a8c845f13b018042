"""`ductape.products`: applying product documents and looking at them (SPEC 8).

A document is applied whole: validated whole, stored as a new version in one transaction. An
unchanged one is a no-op. Instants are epoch milliseconds.
"""

import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TypedDict, cast

from ductape.domain.fingerprint import DIGEST_BYTES, canonical
from ductape.domain.found import kind_of
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product import (
    Change,
    Product,
    Rule,
    differences,
    no_such,
    parse_product,
    stored_product,
    trying_faults,
)
from ductape.errors import Conflict, Fault, NotFound, ValidationError, invalid
from ductape.ports.clock import Clock
from ductape.ports.stores.products import ProductRow, Products
from ductape.services.after_change import answering
from ductape.services.jobs.filtering import read_word
from ductape.services.products.applied import (
    AppliedProduct,
    DeclaredThings,
    Lacking,
    would_strand,
)
from ductape.services.products.sources import naming_file
from ductape.services.products.stranding import Stranding

Source = str | Path | Mapping[str, object]
"""The path of a file, or the document itself."""

_TRIES = 10
"""How often a faster writer is given way to."""


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
        lacking: Lacking,
        clock: Clock,
        rule: Rule,
        declared: DeclaredThings,
    ) -> None:
        self._products = products
        self._stranding = stranding
        self._load = load
        self._lacking = lacking
        self._clock = clock
        self._rule = rule
        self._declared = declared

    async def apply(
        self, source: Source, *, dry_run: bool = False, force: bool = False
    ) -> AppliedProduct:
        """Store a document as the product's new version, if it differs from the current one.

        Raises `ValidationError` with every fault, `Conflict` where live jobs would be stranded
        and `force` is not given. `dry_run` stores nothing and refuses nothing but faults.
        """
        with naming_file(source):
            return await self._apply(self._load(source), dry_run=dry_run, force=force)

    async def rollback(
        self, tag: str, version: int | None = None, *, dry_run: bool = False, force: bool = False
    ) -> AppliedProduct:
        """Apply an earlier version, the one before the current where none is told, as a new one.

        Its jobs of schedules are made, changed and ended as by `apply`, and the same is refused,
        but for schedules that are over by now: those are left out. Raises `NotFound`.
        """
        if version is None:
            version = (await self._row(tag, None)).version - 1
        row = await self._row(tag, version)
        return await self._apply(row.document, dry_run=dry_run, force=force, stood=True)

    async def diff(
        self, tag: str, from_: int | None = None, to: int | None = None
    ) -> "builtins.list[Change]":
        """List what differs between two versions; raises `NotFound`.

        `to` is the current one where it is left out, and `from_` the one before `to`.
        """
        later = await self._row(tag, to)
        before = later.version - 1 if from_ is None else from_
        first = from_ is None and before == 0
        earlier = {} if first else (await self._row(tag, before)).document
        return differences(earlier, later.document)

    async def get(self, tag: str, *, version: int | None = None) -> ProductView:
        """Return one version, else the current one, with its document; raises `NotFound`."""
        row = await self._row(tag, version)
        return ProductView(
            tag=row.tag, version=row.version, applied_at=row.applied_at_ms, document=row.document
        )

    async def versions(self, tag: str) -> list[ProductSummary]:
        """List every version, newest first; raises `NotFound`."""
        rows = await self._products.versions(read_word(tag, "tag"))
        if not rows:
            raise no_such("tag", "product", tag, await self._products.tags())
        return [_summary(row) for row in rows]

    async def list(self) -> list[ProductSummary]:
        """List the products by tag, each in its current version."""
        rows = [await self._products.current(tag) for tag in await self._products.tags()]
        return [_summary(row) for row in rows if row is not None]

    async def _row(self, tag: str, version: int | None) -> ProductRow:
        current = await self._products.current(read_word(tag, "tag"))
        if current is None:
            raise no_such("tag", "product", tag, await self._products.tags())
        if version is None:
            return current
        if type(version) is not int:
            raise invalid("version", "an integer", kind_of(version))
        known = 0 < version <= current.version
        row = await self._products.at(tag, version) if known else None
        if row is None:
            raise NotFound(
                f"product `{tag}` has no version {version}",
                path="version",
                hint=f"the current one is {current.version}",
            )
        return row

    async def _apply(
        self, document: JsonObject, *, dry_run: bool, force: bool, stood: bool = False
    ) -> AppliedProduct:
        """Apply a document; one that `stood` before may hold schedules that are over."""
        product = await self._parsed(document)
        for _ in range(_TRIES):
            current = await self._products.current(product.tag)
            plan = await self._plan(product, document, current, stood=stood)
            if dry_run:
                return plan
            if not plan["changed"]:
                return await self._kept(plan, product, plan["version"])
            if plan["stranded"] and not force:
                raise would_strand(plan)
            if current is not None:
                await self._declared.finish(stored_product(current.document), current.version)
            version = await self._put(document, plan)
            if version is not None:
                return await self._kept(plan, product, version)
        raise Conflict(
            f"somebody else goes on applying `{product.tag}`",
            hint="apply again when they have finished",
        )

    async def _plan(
        self,
        product: Product,
        document: JsonObject,
        current: ProductRow | None,
        *,
        stood: bool,
    ) -> AppliedProduct:
        changed = current is None or current.digest != _digest(document)
        before = None if current is None else stored_product(current.document)
        version = 0 if current is None else current.version
        faults, warnings = (
            await self._declared.judged(product, product if stood else before)
            if changed
            else ([], [])
        )
        if faults:
            raise ValidationError(faults)
        stranded = await self._stranding.by_change(before, product) if before and changed else []
        lacking = await self._lacking(product)
        schedules, left = await self._declared.planned(product, version + 1 if changed else version)
        return AppliedProduct(
            tag=product.tag,
            version=version,
            changed=changed,
            diff=differences({} if current is None else current.document, document),
            warnings=[*lacking, *warnings, *left],
            stranded=stranded,
            schedules=schedules,
        )

    async def _kept(self, plan: AppliedProduct, product: Product, version: int) -> AppliedProduct:
        with answering(f"product `{product.tag}`", changed=plan["changed"]):
            done = await self._declared.keep(product, version)
        return {**plan, "version": version, "schedules": done}

    async def _parsed(self, document: JsonObject) -> Product:
        """Make a product of a document; raises `ValidationError` with every fault.

        Where only what it runs by itself is wrong, all of that is judged, whatever is wrong first.
        """
        try:
            return parse_product(document, also=self._faults_now)
        except ValidationError as error:
            try:
                product = parse_product(document, also=self._rule, tried=False)
            except ValidationError:
                raise error from None
            current = await self._products.current(product.tag)
            before = None if current is None else stored_product(current.document)
            judged, _ = await self._declared.judged(product, before)
            raise ValidationError(_joined(error.errors, product, judged)) from error

    def _faults_now(self, product: Product) -> Iterator[Fault]:
        yield from self._rule(product)
        yield from self._declared.shapes(product)

    async def _put(self, document: JsonObject, plan: AppliedProduct) -> int | None:
        return await self._products.put(
            plan["tag"],
            document,
            _digest(document),
            after=plan["version"],
            now_ms=self._clock.now_ms(),
        )


def _joined(told: Sequence[Fault], product: Product, judged: Sequence[Fault]) -> list[Fault]:
    """Join what is wrong with what a product runs by itself, each thing told once.

    A check that its event does not take is `judged` as well, as a job, at another path.
    """
    tried = [*trying_faults(product)]
    checks = {one["path"].partition(".")[0] for one in tried}
    others = (one for one in judged if one["path"].partition(".")[0] not in checks)
    return [*{one["message"]: one for one in (*told, *tried, *others)}.values()]


def _digest(document: JsonObject) -> bytes:
    return blake2b(canonical(document), digest_size=DIGEST_BYTES).digest()


def _summary(row: ProductRow) -> ProductSummary:
    name = cast("str | None", row.document.get("name"))
    return ProductSummary(tag=row.tag, name=name, version=row.version, applied_at=row.applied_at_ms)
