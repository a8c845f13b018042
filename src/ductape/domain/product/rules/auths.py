"""Rules about auths: what an auth of its type cannot say whatever the run brings (SPEC 8, 9)."""

from collections.abc import Iterator

from ductape.domain.http.parts import USER_NAME, WITH_COLON
from ductape.domain.product.format.app import AppAuth
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.notification import CallbackAuth
from ductape.domain.product.walking import things_of
from ductape.errors import Fault, fault


def auth_faults(product: Product) -> Iterator[Fault]:
    """Tell every user of basic auth that the header would cut short."""
    for path, thing in things_of(product):
        match thing:
            case AppAuth(type="basic"):
                yield from _user_faults(thing.username, path)
                for at, env in enumerate(thing.envs):
                    yield from _user_faults(env.username, f"{path}.envs[{at}]")
            case CallbackAuth(type="basic"):
                yield from _user_faults(thing.username, path)
            case _:
                pass


def _user_faults(username: str | None, path: str) -> Iterator[Fault]:
    """Judge a user name that is written out; what a reference brings is judged by the run."""
    if username is not None and "$" not in username and ":" in username:
        yield fault(f"{path}.username", USER_NAME, WITH_COLON)
