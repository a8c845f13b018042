"""Rules about names: each is the only one of its kind, and what is named exists (SPEC 8)."""

from collections.abc import Iterator

from ductape.domain.found import listed, path_to
from ductape.domain.parsing.nearest import hint_for
from ductape.domain.product.addresses import Address, addresses
from ductape.domain.product.format.app import Action, ActionEnv, App
from ductape.domain.product.format.document import Product
from ductape.domain.product.walking import Things, lists_of, name_of, things_of
from ductape.errors import Fault, fault


def naming_faults(product: Product) -> Iterator[Fault]:
    """Tell every name that is used twice, and every name of something that is not there."""
    if not product.envs:
        yield fault("envs", "at least one env", "none", hint="such as `[{slug: dev}]`")
    for path, things in lists_of(product):
        yield from _repeated(path, things)
        if path != "envs" and path.endswith("envs"):
            yield from _undefined_envs(product, path, things)
    yield from _clashes(product)
    for at, app in enumerate(product.apps):
        yield from _undefined_auths(app, f"apps[{at}]")


def _repeated(path: str, things: Things) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for at, thing in enumerate(things):
        key, name = name_of(thing)
        if name is None:
            continue
        if name in first:
            found = f"`{name}`, which {path_to(path, first[name])} has already"
            yield fault(f"{path_to(path, at)}.{key}", f"a {key} of its own", found)
        first.setdefault(name, at)


def _undefined_envs(product: Product, path: str, things: Things) -> Iterator[Fault]:
    slugs = {env.slug for env in product.envs}
    for at, thing in enumerate(things):
        _, slug = name_of(thing)
        if slug not in slugs:
            where = f"{path_to(path, at)}.slug"
            hint = hint_for(str(slug), slugs, {}) if slugs else None
            yield fault(where, "the slug of one of the product's envs", f"`{slug}`", hint=hint)


def _clashes(product: Product) -> Iterator[Fault]:
    """Find what one event would name twice; actions of several apps are told apart by `app`."""
    first: dict[str, Address] = {}
    for address in addresses(product):
        other = first.setdefault(address.event, address)
        if other.kind is not address.kind:
            found = f"`{address.event}`, which {other.path} has already"
            yield fault(f"{address.path}.tag", "a tag that no other event has", found)


def _undefined_auths(app: App, path: str) -> Iterator[Fault]:
    tags = {auth.tag for auth in app.auths}
    hint = f"the app has {listed(sorted(tags))}" if tags else "declare it under `auths`"
    for where, part in things_of(app, path):
        tag = part.auth if isinstance(part, (Action, ActionEnv)) else None
        if tag is not None and tag not in tags:
            expected = "the tag of one of the app's auths"
            yield fault(f"{where}.auth", expected, f"`{tag}`", hint=hint)
