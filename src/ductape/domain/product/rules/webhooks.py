"""Rules about webhooks: somewhere to go, something to sign with, headers of their own (SPEC 9)."""

from collections.abc import Iterator

from ductape.domain.found import path_to
from ductape.domain.http.parts import header_faults
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.webhook import Webhook
from ductape.domain.product.rules.reach import url_faults
from ductape.domain.product.walking import things_of
from ductape.domain.webhooks.events import address_of
from ductape.errors import Fault, fault


def told_faults(product: Product) -> Iterator[Fault]:
    """Tell every webhook that cannot work."""
    for at, webhook in enumerate(product.webhooks):
        yield from _faults(webhook, f"webhooks[{at}]")
    yield from _called(product)


def _called(product: Product) -> Iterator[Fault]:
    """Tell what would call a webhook: only what has happened is told."""
    ours = {address_of(webhook.tag) for webhook in product.webhooks}
    for path, thing in things_of(product) if ours else ():
        for name in ("event", "event_tag"):
            if getattr(thing, name, None) in ours:
                found = "a webhook, which the system calls"
                yield fault(path_to(path, name), "an event of the product", found)


def _faults(webhook: Webhook, path: str) -> Iterator[Fault]:
    """Tell what is missing where a webhook goes, and what it may not send."""
    yield from header_faults(webhook.headers, f"{path}.headers")
    for name in webhook.headers:
        if name.lower().startswith("webhook-"):
            yield fault(f"{path}.headers.{name}", "a header that is not the signature's", "one")
    if webhook.url is not None:
        yield from url_faults(webhook.url, f"{path}.url")
    elif all(one.url is None for one in webhook.envs):
        yield fault(f"{path}.url", "a URL, or envs with one each", "neither")
    if webhook.secret is None and (webhook.url is not None or not webhook.envs):
        hint = "`whsec_` and base64 of 32 random bytes, kept as a secret"
        yield fault(f"{path}.secret", "`$Secret{name}` to sign with", "nothing", hint=hint)
    for at, env in enumerate(webhook.envs):
        where = f"{path}.envs[{at}]"
        if env.url is not None:
            yield from url_faults(env.url, f"{where}.url")
        if env.url is not None and env.secret is None and webhook.secret is None:
            yield fault(f"{where}.secret", "`$Secret{name}` to sign with", "nothing")
