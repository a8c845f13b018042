"""Rules about things of several types: each type has its own fields, all of them, no others.

An auth, a push service, an SMS service: which of their fields belong to which type (SPEC 8, 9).
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from ductape.domain.found import path_to
from ductape.domain.product.format.app import AppAuth, AuthEnv
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.function import FunctionAuth
from ductape.domain.product.format.notification import CallbackAuth, Push, Sms
from ductape.domain.product.walking import things_of
from ductape.errors import Fault, fault


class Fields(Struct, frozen=True):
    """The fields of one type."""

    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every field that it may have."""
        return (*self.needed, *self.optional)


class Variants(Struct, frozen=True):
    """The types of one sort of thing."""

    noun: str
    types: Mapping[str, Fields]

    def strangers(self, kind: str) -> frozenset[str]:
        """Return the fields that other types have, and this one has not."""
        known = {name for fields in self.types.values() for name in fields.all}
        return frozenset(known - {*self.types[kind].all})


_OWN_AUTHS: Mapping[str, Fields] = {
    "bearer": Fields(("token",)),
    "basic": Fields(("username", "password")),
    "api_key": Fields(("name", "value"), ("location",)),
}
_OAUTH2 = ("scope", "audience", "auth_style", "grant")
_REFRESHED = "oauth2 with grant refresh_token"

APP_AUTHS = Variants(
    "auth",
    {
        **_OWN_AUTHS,
        "oauth2": Fields(("token_url", "client_id", "client_secret"), _OAUTH2),
        _REFRESHED: Fields(
            ("token_url", "client_id", "refresh_token"), ("client_secret", *_OAUTH2)
        ),
    },
)

_SORTS: Mapping[type[Struct], Variants] = {
    AppAuth: APP_AUTHS,
    CallbackAuth: Variants("auth", _OWN_AUTHS),
    FunctionAuth: Variants(
        "auth",
        {
            "bearer": Fields(("token",)),
            "aws": Fields(
                ("access_key_id", "secret_access_key", "region"), ("session_token", "service")
            ),
            "google": Fields(("service_account",), ("audience",)),
        },
    ),
    Push: Variants(
        "push service",
        {
            "expo": Fields((), ("access_token",)),
            "fcm": Fields(("project_id", "service_account")),
        },
    ),
    Sms: Variants(
        "SMS service",
        {
            "twilio": Fields(("account_sid", "auth_token")),
            "plivo": Fields(("auth_id", "auth_token")),
            "vonage": Fields(("api_key", "api_secret")),
        },
    ),
}


def variant_faults(product: Product) -> Iterator[Fault]:
    """Tell every thing that lacks a field of its type, or has one of another type."""
    for path, thing in things_of(product):
        variants = _SORTS.get(type(thing))
        if variants is None:
            continue
        kind = _kind_of(thing)
        everywhere = _given_everywhere(thing, product)
        for name in variants.types[kind].needed:
            if getattr(thing, name) is None and name not in everywhere:
                expected = f"a text, as {variants.noun}s of type {kind} have"
                yield fault(path_to(path, name), expected, "nothing")
        yield from _extras(thing, kind, variants, path)
        if isinstance(thing, AppAuth):
            for at, env in enumerate(thing.envs):
                yield from _extras(env, kind, variants, f"{path}.envs[{at}]")


def auth_fields(auth: AppAuth) -> tuple[str, ...]:
    """Return the fields that an app's auth has by its type."""
    return APP_AUTHS.types[_kind_of(auth)].needed


def _kind_of(thing: Struct) -> str:
    if isinstance(thing, AppAuth) and thing.grant == "refresh_token":
        return _REFRESHED if thing.type == "oauth2" else thing.type
    return str(getattr(thing, "type"))  # noqa: B009 (every sort of thing in the table has one)


def _given_everywhere(thing: Struct, product: Product) -> frozenset[str]:
    """Return the fields that each of the product's envs gives by itself."""
    if not isinstance(thing, AppAuth):
        return frozenset()
    if not {env.slug for env in product.envs} <= {env.slug for env in thing.envs}:
        return frozenset()
    return frozenset(
        name
        for name in AuthEnv.__struct_fields__
        if all(getattr(env, name) is not None for env in thing.envs)
    )


def _extras(thing: Struct, kind: str, variants: Variants, path: str) -> Iterator[Fault]:
    for name in thing.__struct_fields__:
        if name in variants.strangers(kind) and getattr(thing, name) is not None:
            article = "an" if variants.noun[0] in "aeiouS" else "a"
            expected = f"none in {article} {variants.noun} of type {kind}"
            yield fault(path_to(path, name), expected, "one")
