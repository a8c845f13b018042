"""Which store a product's jobs go to: `[stores]` and `[routes]` of the settings (DESIGN 3).

A product without a route goes to the store that `store` names, which is called `default` here.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

from ductape.app.configuration.loading import is_postgres, shown_store, sqlite_path
from ductape.domain.parsing.nearest import hint_for
from ductape.errors import ConfigError, Fault, fault
from ductape.ports.stores import Store

DEFAULT = "default"
"""The name of the store that `store` names."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class StoreView(TypedDict):
    """One open store, and what is routed to it."""

    name: str
    url: str
    """Without its password."""
    routes: list[str]
    """The products that the settings send here; those without a route go to `default`."""
    products: list[str]
    """The products that have been applied here."""
    strays: list[str]
    """Those of them whose route names another store: nothing new comes to them here."""


def refuse_bad_routes(store: str, stores: Mapping[str, str], routes: Mapping[str, str]) -> None:
    """Raise `ConfigError` with every fault of the tables `stores` and `routes`."""
    faults = [*_store_faults(store, stores), *_route_faults(stores, routes)]
    if faults:
        raise ConfigError(
            "; ".join(one["message"] for one in faults),
            path=faults[0]["path"],
            hint=faults[0].get("hint"),
            details={"errors": faults},
        )


async def store_map(
    urls: Mapping[str, str], routes: Mapping[str, str], open_stores: Mapping[str, Store]
) -> list[StoreView]:
    """Tell what is routed where, and what was applied where; raises `StoreError`."""
    return [
        _view(name, urls[name], routes, await store.products.tags())
        for name, store in open_stores.items()
    ]


def _view(name: str, url: str, routes: Mapping[str, str], tags: list[str]) -> StoreView:
    return StoreView(
        name=name,
        url=shown_store(url),
        routes=sorted(product for product, to in routes.items() if to == name),
        products=tags,
        strays=[tag for tag in tags if routes.get(tag, DEFAULT) != name],
    )


def _store_faults(store: str, stores: Mapping[str, str]) -> Iterator[Fault]:
    for name in stores:
        if name == DEFAULT or not _NAME.fullmatch(name):
            expected = "a name of lower-case letters, digits and `_`, and not `default`"
            yield fault(f"stores.{name}", expected, f"`{name}`")
    seen: dict[str, str] = {}
    named = {f"stores.{name}": url for name, url in stores.items()}
    for path, url in {"store": store, **named}.items():
        try:
            database = url if is_postgres(url) else str(Path(sqlite_path(url)).resolve())
        except ConfigError as error:
            if path != "store":  # what is wrong there is told when it is opened
                yield fault(path, "`sqlite:///FILE` or `postgresql://…`", str(error))
            continue
        if database in seen:
            yield fault(path, "another database than the other stores", f"that of {seen[database]}")
        seen[database] = path


def _route_faults(stores: Mapping[str, str], routes: Mapping[str, str]) -> Iterator[Fault]:
    known = [DEFAULT, *stores]
    for product, name in routes.items():
        if name not in known:
            yield fault(
                f"routes.{product}",
                "the name of a store",
                f"`{name}`",
                hint=hint_for(name, known, {}),
            )
