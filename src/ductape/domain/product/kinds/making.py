"""What the making of every kind's target shares: an env's entry, plain JSON, digests (SPEC 8)."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Protocol, TypeVar, cast

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from ductape.domain.fingerprint import DIGEST_BYTES, canonical
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.format.document import Env, Product
from ductape.domain.references import needs_resolving
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target

Values = dict[str, dict[str, JsonValue]]
"""App → key → value."""


class OfEnv(Protocol):
    """What a thing is in one env."""

    @property
    def slug(self) -> str:
        """The env's."""
        ...


T = TypeVar("T", bound=Struct)
E = TypeVar("E", bound=OfEnv)


def target(
    product: Product,
    env: Env,
    kind: JobEventTypes,
    event: str,
    definition: JsonObject,
    *,
    sensitive: bool = False,
    mappings: JsonObject | None = None,
) -> Target:
    """Make the target of an event of a product, with what its references can bring in."""
    variables, constants = variables_in(product, env), constants_of(product)
    return Target(
        kind=kind,
        event=event,
        definition=definition,
        digest=_digest(definition, variables, constants, *([mappings] if mappings else [])),
        mappings=mappings or {},
        sensitive=sensitive,
        result_storage=product.result_storage,
        refers=_refers(definition, variables, constants),
        variables=variables,
        constants=constants,
    )


def with_auths(made: Target, auths: Values) -> Target:
    """Give a target what `$Auth{tag}{field}` brings in."""
    return replace(
        made,
        digest=_digest(made.definition, made.variables, made.constants, auths),
        refers=made.refers or _refers(auths),
        auths=auths,
    )


def variables_in(product: Product, env: Env) -> Values:
    """Return every app's variables as they are in an env; those without a value there are not."""
    return {
        app.tag: {
            variable.key: here.value if here else cast("JsonValue", variable.value)
            for variable in app.variables
            if (here := in_env(variable.envs, env)) or variable.value is not UNSET
        }
        for app in product.apps
    }


def constants_of(product: Product) -> Values:
    """Return every app's constants."""
    return {app.tag: {one.key: one.value for one in app.constants} for app in product.apps}


def like(part: Struct, kind: type[T]) -> T:
    """Make a target's part of the document's: the same fields, as far as they are given."""
    return msgspec.convert(given(part), kind)


def given(part: Struct) -> JsonObject:
    """Return the fields that are not null, as JSON."""
    fields = cast("JsonObject", msgspec.to_builtins(part))
    return {key: value for key, value in fields.items() if value is not None}


def plain(part: Struct) -> JsonObject:
    """Return a part as JSON."""
    return cast("JsonObject", msgspec.to_builtins(part))


def in_env(envs: Sequence[E], env: Env) -> E | None:
    """Return what a thing is in an env; none where it differs in nothing there."""
    return next((one for one in envs if one.slug == env.slug), None)


def first(*choices: bool | None) -> bool:
    """Return the first choice that was made; false if none was."""
    return next((choice for choice in choices if choice is not None), False)


def _refers(*parts: JsonObject | Values) -> bool:
    """Tell whether any part holds a reference."""
    return needs_resolving(cast("JsonValue", list(parts)))


def _digest(definition: JsonObject, *brought: Mapping[str, object]) -> bytes:
    """Digest a definition and all that its references can bring in."""
    parts = cast("JsonValue", [definition, *brought])
    return blake2b(canonical(parts), digest_size=DIGEST_BYTES).digest()
