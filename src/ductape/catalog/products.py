"""The applied products, parsed once for each version and asked by name (SPEC 8).

Every dispatched job passes here, so answers are remembered: what one version of a product says
never changes. Which version is current is asked each time, unless the caller has been told.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import msgspec

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import (
    Choice,
    Product,
    Question,
    Verify,
    choose,
    expiry_ms,
    handler_tags,
    no_such,
    resolve,
    shared_key,
    stored_product,
    subscriptions,
    user_path,
)
from ductape.domain.target import Target
from ductape.domain.webhooks.subscription import Subscriptions
from ductape.errors import NotFound
from ductape.ports.catalog import SessionDefinition
from ductape.ports.sessions import Secrets
from ductape.ports.stores.products import Products

KnownHandlers = Callable[[frozenset[str]], Awaitable[frozenset[str]]]
"""Tells which of some handler tags (`job:report`) this process has or a worker has announced."""

MOST_VERSIONS = 256
"""How many versions are kept parsed; the one read first is dropped first."""

_Answers = dict[tuple[str, str, str | None], Target | Choice]
"""By env, event and app. Only what exists is remembered, so a stranger cannot fill it."""


class _Applied:
    """One version of one product, with the answers it has given."""

    __slots__ = ("answers", "product")

    def __init__(self, product: Product) -> None:
        self.product = product
        self.answers: _Answers = {}


class ProductCatalog:
    """The `Catalog` port over a store's products."""

    def __init__(self, products: Products, known_handlers: KnownHandlers, secrets: Secrets) -> None:
        """Read `products`; `secrets` opens the keys that sign a team's own sessions."""
        self._products = products
        self._secrets = secrets
        self._known_handlers = known_handlers
        self._applied: dict[tuple[str, int], _Applied] = {}
        self._loading = asyncio.Lock()

    async def version(self, product: str) -> int:
        """Return the number of the current version; `NotFound`."""
        version = await self._products.version(product)
        if version is None:
            raise no_such("product_tag", "product", product, await self._products.tags())
        return version

    async def resolve(
        self,
        product: str,
        env: str,
        event: str,
        app: str | None,
        input: JsonObject,  # noqa: A002 (SPEC 1 names it so)
        *,
        version: int | None = None,
    ) -> Target:
        """Find what an event names; raises `NotFound` or `ValidationError`."""
        applied = await self._at(product, version)
        answer = applied.answers.get((env, event, app))
        if answer is None:
            answer = await self._ask(applied, Question(env, event, app))
        return choose(answer, input) if isinstance(answer, Choice) else answer

    async def session(self, product: str, env: str, tag: str) -> SessionDefinition:
        """Return a session's definition; `NotFound` for the product, the env or the tag."""
        found = (await self._at(product, None)).product
        if env not in (slugs := [one.slug for one in found.envs]):
            raise no_such("env", f"env of product `{product}`", env, slugs)
        session = next((one for one in found.sessions if one.tag == tag), None)
        if session is None:
            tags = [one.tag for one in found.sessions]
            raise no_such("session.tag", f"session of product `{product}`", tag, tags)
        return SessionDefinition(
            tag=tag,
            schema=session.schema,
            expiry_ms=expiry_ms(session),
            selector=user_path(session),
            verify=await self._verify(session.verify, product, env),
        )

    async def _verify(self, verify: Verify | None, product: str, env: str) -> JsonObject:
        """Return whom a session trusts, its shared key opened; raises `NotFound` without it."""
        if verify is None:
            return {}
        name = shared_key(verify)
        if name is None:
            return _plain(verify)
        key = await self._secrets.reveal(product, env, name)
        if key is None:
            hint = f"store it: ductape secrets set {name} --product {product}"
            raise NotFound(f"there is no secret `{name}`", path="verify.key", hint=hint)
        return {"alg": verify.alg, "key": key}

    async def subscriptions(self, product: str, *, version: int) -> Subscriptions:
        """Return who is told what happens to a product's jobs, by one version; `NotFound`."""
        return subscriptions((await self._at(product, version)).product)

    async def cache_expiry_ms(
        self, product: str, tag: str, *, version: int | None = None
    ) -> int | None:
        """Return the expiry of a cache that the product defines, else none."""
        found = (await self._at(product, version)).product
        return next((cache.expiry for cache in found.caches if cache.tag == tag), None)

    async def _at(self, product: str, version: int | None) -> _Applied:
        if version is None:
            version = await self.version(product)
        applied = self._applied.get((product, version))
        if applied is not None:
            return applied
        async with self._loading:  # a worker's first runs all come at once
            applied = self._applied.get((product, version))
            return await self._load(product, version) if applied is None else applied

    async def _load(self, product: str, version: int) -> _Applied:
        row = await self._products.at(product, version)
        if row is None:
            raise NotFound(
                f"product `{product}` has no version {version}",
                path="product_tag",
                hint=f"`ductape products show {product}` tells the current one",
            )
        while len(self._applied) >= MOST_VERSIONS:
            self._applied.pop(next(iter(self._applied)))
        applied = _Applied(stored_product(row.document))
        self._applied[product, version] = applied
        return applied

    async def _ask(self, applied: _Applied, asked: Question) -> Target | Choice:
        known = await self._known_handlers(handler_tags(asked.event))
        answer = resolve(applied.product, asked, known)
        applied.answers[asked.env, asked.event, asked.app] = answer
        return answer


def _plain(verify: Verify) -> JsonObject:
    fields = cast("dict[str, JsonValue]", msgspec.to_builtins(verify))
    return {name: value for name, value in fields.items() if value is not None}
