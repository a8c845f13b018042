"""Rules about healthchecks: each asks an event that is there, in envs that its app is in."""

from collections.abc import Iterator

from ductape.domain.found import listed
from ductape.domain.parsing.nearest import hint_for
from ductape.domain.product.addresses import addresses
from ductape.domain.product.checks import slugs_with
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.healthcheck import Healthcheck
from ductape.errors import Fault, fault


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
