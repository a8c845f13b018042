"""The healthchecks of a whole product, in every env that each is made in (SPEC 9)."""

from ductape.domain.product.format.document import Product
from ductape.domain.product.format.healthcheck import Check, checks_of
from ductape.domain.product.format.places import base_url_in


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


def slugs_with(product: Product, *tags: str | None) -> list[str]:
    """Return the envs that all of some apps are in."""
    apps = [app for app in product.apps if app.tag in tags]
    return [
        env.slug for env in product.envs if not any(base_url_in(app, env) is None for app in apps)
    ]
