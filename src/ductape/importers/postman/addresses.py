"""Where a request goes in each env, its variables filled in (SPEC 8, 9).

A URL's path and query may stand in a variable too. They are the action's then, unless other
requests go below the same variable: to them it is the base.
"""

from collections.abc import Container
from urllib.parse import quote

from msgspec import Struct

from ductape.domain.product.rules.reach import url_faults
from ductape.importers.openapi.paths import resource_of
from ductape.importers.options import is_url
from ductape.importers.postman.fields import Fields
from ductape.importers.postman.urls import Pair, Url, User, text_pairs, without_user
from ductape.importers.sealing import escaped, scrubbed

_SAFE = "/%:@!$&'()*+,;=~-._"
"""What a path has as it is."""


class Address(Struct, frozen=True):
    """Where a request goes in one env."""

    base: str
    resource: str
    """What the variables have beyond the base; of no use to a URL with a path of its own."""
    query: tuple[Pair, ...] = ()
    """The same."""
    user: User | None = None


def addresses_of(url: Url, fields: Fields, shared: Container[str]) -> tuple[Address, ...] | str:
    """Return a URL's address in each env, or why it has none.

    `shared` are the bases that some request goes below.
    """
    if not url.base and not url.segments:
        return "it has no URL"
    found: list[Address] = []
    for env in fields.options.envs:
        filled = fields.variables.filled(url.base, env, with_empty=True) or ""
        choice = fields.options.server_in(env)
        server = choice if choice is not None and is_url(choice) else None
        if server is None and not filled.rpartition("://")[2]:
            told = scrubbed(url.base)[:80]
            return f"its address {told!r} has no value: `--var NAME=URL` or `--server URL`"
        one = _address(filled, below=bool(url.segments) or url.base in shared)
        if server is not None:
            own = Address("", "/") if isinstance(one, str) else one
            found.append(Address(server.rstrip("/"), own.resource, own.query, own.user))
        elif isinstance(one, str):
            return one
        else:
            found.append(one)
    return tuple(found)


def _address(filled: str, *, below: bool) -> Address | str:
    whole = filled if "://" in filled else f"http://{filled}"
    bare, _, query = whole.partition("#")[0].partition("?")
    scheme, _, rest = bare.partition("://")
    host, slash, path = rest.partition("/")
    origin, user = without_user(f"{scheme}://{host}")
    if [*url_faults(origin.replace("$", ""), "")]:
        return "its address is no http or https URL with a host"
    pairs = tuple(text_pairs(query))
    if below and path.strip("/"):
        base = escaped(f"{origin}{slash}{quote(path, safe=_SAFE)}".rstrip("/"))
        return Address(base, "/" if path.endswith("/") else "", pairs, user)
    return Address(escaped(origin), _resource(path), pairs, user)


def _resource(path: str) -> str:
    """Return a path that has no parameters as a resource."""
    return resource_of("/" + quote(path, safe=_SAFE), {}).path
