"""Rules about references in definitions: readable, live there, pointing at something (SPEC 6)."""

import re
from collections.abc import Iterator, Mapping
from typing import cast

from msgspec import UNSET, Struct

from ductape.domain.found import listed, path_to
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.product.format.app import App
from ductape.domain.product.format.document import Product
from ductape.domain.product.rules.sessions import shared_key
from ductape.domain.product.rules.variants import auth_fields
from ductape.domain.product.walking import lists_of, name_of, values_of
from ductape.domain.references import LIVE, Use, check, needs_resolving, uses
from ductape.errors import Fault, fault

SECTIONS: Mapping[str, frozenset[str]] = {
    "apps": LIVE["definition"],
    "databases": LIVE["definition"] - {"Auth"},
    "functions": LIVE["definition"],
    "notifications": LIVE["definition"],
    "quotas": frozenset(),
    "fallbacks": frozenset(),
    "healthchecks": LIVE["input"] - {"Session"},
    "storage": LIVE["definition"] - {"Auth"},
    "features": LIVE["feature"],
    "webhooks": LIVE["definition"],
    "brokers": LIVE["definition"] - {"Auth"},
}
"""Which references are live in the definitions of each section: one row a section."""


_MAPPING = re.compile(r"options\[\d+\]\.(input|output)\b")
"""What an option is called with, and what is made of its answer."""


def linking_faults(product: Product) -> Iterator[Fault]:
    """Tell every reference of a definition that is wrong."""
    for path, app, part in _definitions(product):
        for where, value in _texts_of(part, path):
            live = _live_at(path, where.removeprefix(f"{path}."))
            faults, _ = check(value, live=live, path=where)
            yield from faults
            if not faults:
                yield from _dangling(product, app, uses(value, path=where))


def secrets_of(product: Product, env: str | None = None) -> frozenset[str]:
    """Return the names of all secrets that a product needs, or needs in one env."""
    elsewhere = () if env is None else _places_of_other_envs(product, env)
    return _signing_keys(product) | frozenset(
        use.segments[0]
        for path, _, part in _definitions(product)
        for where, value in _texts_of(part, path)
        if not where.startswith(elsewhere)
        for use in uses(value)
        if use.name == "Secret"
    )


def _signing_keys(product: Product) -> frozenset[str]:
    verified = [one.verify for one in product.sessions if one.verify is not None]
    return frozenset(name for name in map(shared_key, verified) if name is not None)


def _live_at(section: str, place: str) -> frozenset[str]:
    """Return what is live at a place of a thing in a section.

    What other references bring in is resolved before them, so it takes secrets only.

    >>> sorted(_live_at("apps[0]", "variables[0].value"))
    ['Secret']
    >>> len(_live_at("apps[0]", "actions[0].body"))
    4
    """
    if section.startswith("databases") and place.endswith("].template"):
        return frozenset()  # what looks like one in SQL is SQL
    if mapping := _MAPPING.match(place):
        return LIVE["option output" if mapping[1] == "output" else "option input"]
    brought = place.startswith(("auths[", "variables[", "constants["))
    return frozenset({"Secret"}) if brought else SECTIONS[section.partition("[")[0]]


def _definitions(product: Product) -> Iterator[tuple[str, App | None, Struct]]:
    for section in SECTIONS:
        things = cast("tuple[Struct, ...]", getattr(product, section))
        for at, thing in enumerate(things):
            yield f"{section}[{at}]", thing if isinstance(thing, App) else None, thing


def _texts_of(part: Struct, path: str) -> Iterator[tuple[str, JsonValue]]:
    def refers(value: object) -> bool:
        return value is not UNSET and needs_resolving(cast("JsonValue", value))

    for where, value in values_of(part, path, refers):
        yield where, cast("JsonValue", value)


def _dangling(product: Product, app: App | None, found: tuple[Use, ...]) -> Iterator[Fault]:
    for use in found:
        match use.name:
            case "Variable" | "Constant":
                yield from _missing_value(product, use)
            case "Auth":
                yield from _missing_auth(app, use)
            case _:
                pass


def _missing_value(product: Product, use: Use) -> Iterator[Fault]:
    tag, key = use.segments[0], use.segments[1]
    app = next((app for app in product.apps if app.tag == tag), None)
    if app is None:
        found, known = f"`{tag}`", [app.tag for app in product.apps]
        yield fault(use.path, f"a connected app in `${use.name}`", found, hint=_have(known))
        return
    given = app.variables if use.name == "Variable" else app.constants
    known = [one.key for one in given]
    if key not in known:
        expected = f"a {use.name.lower()} of the app `{tag}`"
        yield fault(use.path, expected, f"`{key}`", hint=_have(known))


def _missing_auth(app: App | None, use: Use) -> Iterator[Fault]:
    auths = () if app is None else app.auths
    tag, name = use.segments[0], use.segments[1]
    auth = next((auth for auth in auths if auth.tag == tag), None)
    if auth is None:
        hint = _have([auth.tag for auth in auths])
        yield fault(use.path, "an auth of the same app in `$Auth`", f"`{tag}`", hint=hint)
    elif name not in auth_fields(auth):
        hint = _have([*auth_fields(auth)])
        yield fault(use.path, f"a field of the auth `{tag}`", f"`{name}`", hint=hint)


def _have(names: list[str]) -> str:
    return f"there are {listed(names)}" if names else "there is none"


def _places_of_other_envs(product: Product, env: str) -> tuple[str, ...]:
    return tuple(
        path_to(path, at)
        for path, things in lists_of(product)
        if path.endswith(".envs")
        for at, thing in enumerate(things)
        if name_of(thing) != ("slug", env)
    )
