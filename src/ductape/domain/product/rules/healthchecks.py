"""The healthchecks of a whole product, and what is wrong with them (SPEC 9)."""

from collections.abc import Iterator

from ductape.domain.found import listed
from ductape.domain.parsing.nearest import hint_for
from ductape.domain.product.addresses import addresses
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.healthcheck import Check, Healthcheck, checks_of
from ductape.domain.product.format.places import base_url_in
from ductape.errors import Fault, fault


def all_checks(product: Product) -> tuple[Check, ...]:
    """Return every healthcheck in every env that it is made in."""
    return tuple(
        check
        for healthcheck in product.healthchecks
        for check in checks_of(healthcheck, slugs_with(product, healthcheck.app))
    )


def check_named(product: Product, tag: str | None, env: str) -> Check | None:
    """Return one healthcheck in one env; none where it is not made there."""
    found = (one for one in all_checks(product) if (one.tag, one.env) == (tag, env))
    return next(found, None)


def check_faults(product: Product) -> Iterator[Fault]:
    """Tell healthchecks of nothing, and options that name one that is not there."""
    for at, healthcheck in enumerate(product.healthchecks):
        yield from _event_faults(product, healthcheck, f"healthchecks[{at}]")
    tags = [healthcheck.tag for healthcheck in product.healthchecks]
    owners = (("quotas", product.quotas), ("fallbacks", product.fallbacks))
    for section, things in owners:
        for at, owner in enumerate(things):
            for place, option in enumerate(owner.options):
                tag = option.healthcheck
                if tag is not None and tag not in tags:
                    path = f"{section}[{at}].options[{place}].healthcheck"
                    hint = hint_for(tag, tags, {}) if tags else "the product has none"
                    yield fault(path, "the tag of a healthcheck", f"`{tag}`", hint=hint)


def _event_faults(product: Product, healthcheck: Healthcheck, path: str) -> Iterator[Fault]:
    named = [
        one
        for one in addresses(product)
        if one.event == healthcheck.event and healthcheck.app in (one.app, None)
    ]
    if not named:
        names = [one.event for one in addresses(product) if healthcheck.app in (one.app, None)]
        hint = hint_for(healthcheck.event, names, {}) if names else "there is none"
        yield fault(f"{path}.event", "an event of the product", f"`{healthcheck.event}`", hint=hint)
    elif len(named) > 1:
        hint = f"`{healthcheck.event}` is an action of {listed([str(one.app) for one in named])}"
        yield fault(f"{path}.app", "the app that is meant", "nothing", hint=hint)
    else:
        there = slugs_with(product, healthcheck.app)
        for place, env in enumerate(healthcheck.envs):
            if env.slug not in there and env.slug in [one.slug for one in product.envs]:
                where = f"{path}.envs[{place}].slug"
                yield fault(where, "an env that the app is in", f"`{env.slug}`")


def slugs_with(product: Product, *tags: str | None) -> list[str]:
    """Return the envs that all of some apps are in."""
    apps = [app for app in product.apps if app.tag in tags]
    return [
        env.slug for env in product.envs if not any(base_url_in(app, env) is None for app in apps)
    ]
