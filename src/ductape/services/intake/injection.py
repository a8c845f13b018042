"""What references stand for: in a definition, and in a caller's input (SPEC 6).

Secrets are revealed only here, only for an attempt, and every text that came from a secret or a
session is told to the caller, who masks it in whatever is recorded.
"""

from collections.abc import Mapping
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.inputs.topic import apart, message_faults
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.references import (
    Source,
    check,
    leaf_texts,
    live_in_input,
    needs_resolving,
    resolve,
    scope,
    sensitive_texts,
    session_source,
    tree_source,
    uses,
)
from ductape.domain.target import Target
from ductape.errors import Fault, ReferenceMissing, fault
from ductape.ports.clock import Clock
from ductape.ports.sessions import Secrets
from ductape.services.intake.refusing import along_with


class SessionData(Struct, frozen=True):
    """A session's data, open."""

    tag: str
    data: JsonObject

    def __repr__(self) -> str:
        """Keep the data out of every log and traceback."""
        return f"SessionData(tag={self.tag!r})"


class Injected(Struct, frozen=True):
    """A target and an input with every reference resolved."""

    target: Target
    input: JsonObject
    sensitive: tuple[str, ...] = ()
    """Texts to mask in errors and logs."""
    session: SessionData | None = None
    """Of the run, for the mappings of its definition."""

    def __repr__(self) -> str:
        """Keep what was injected out of every log and traceback."""
        return f"Injected(event={self.target.event!r})"


def judge(target: Target, input: JsonObject, session: SessionData | None) -> list[str]:  # noqa: A002 (SPEC 1 names it so)
    """Check a caller's references before anything is stored; return warnings.

    Raises `ValidationError` (not live here, malformed) or `ReferenceMissing`.
    """
    if not needs_resolving(input):
        return []
    faults, warnings = check(input, live=live_in_input(target.kind))
    rest, mapping = apart(target.kind, input)
    faults += message_faults(mapping)
    around = scope(sources_of(target, session), 0)
    with along_with(faults):
        resolve(rest, around)
        if not faults:
            resolve(_brought(mapping), around)
    return warnings


def _brought(mapping: JsonObject) -> list[JsonValue]:
    """Return the references of a mapping that can be looked up before there is a message."""
    return [
        f"${use.name}" + "".join(f"{{{segment}}}" for segment in use.segments)
        for use in uses(mapping)
        if use.name in ("Variable", "Constant")
    ]


class Injection:
    """Resolves definitions and inputs for one attempt."""

    def __init__(self, secrets: Secrets, clock: Clock) -> None:
        """Reveal secrets through the port; `clock` tells what `$Now()` is."""
        self._secrets = secrets
        self._clock = clock

    async def inject(
        self,
        target: Target,
        input: JsonObject,  # noqa: A002 (SPEC 1 names it so)
        session: SessionData | None,
        *,
        product: str,
        env: str,
        began_at_ms: int | None = None,
    ) -> Injected:
        """Resolve a definition, then an input; raises `ReferenceMissing` for what is not there.

        `began_at_ms` is what `$Now()` is in the input of a run, in each of its attempts.
        """
        if not target.refers and not needs_resolving(input):
            return Injected(target, input, _own_texts(target, input), session)
        now_ms = self._clock.now_ms()
        open_target, sensitive = await self._opened(target, product, env, now_ms)
        around = scope(sources_of(open_target, session), began_at_ms or now_ms)
        rest, mapping = apart(target.kind, input)
        given: JsonObject = {**cast("JsonObject", resolve(rest, around)), **mapping}
        injected = (*sensitive, *sensitive_texts(rest, around))
        return Injected(open_target, given, (*injected, *_own_texts(target, given)), session)

    async def _opened(
        self, target: Target, product: str, env: str, now_ms: int
    ) -> tuple[Target, tuple[str, ...]]:
        """Return a target with its own references resolved, and what came from secrets."""
        if not target.refers:
            return target, ()
        parts = _definitions(target)
        secret = await self._reveal(parts, product, env)
        return _open(target, parts, secret, now_ms)

    async def _reveal(self, parts: JsonObject, product: str, env: str) -> JsonObject:
        """Open every secret that a definition names; all that are missing are told at once."""
        found: JsonObject = {}
        missing: list[str] = []
        for use in uses(parts, path="definition"):
            if use.name != "Secret" or use.segments[0] in found:
                continue
            name = use.segments[0]
            value = await self._secrets.reveal(product, env, name)
            if value is None:
                missing.append(name)
            else:
                found[name] = value
        if missing:
            raise ReferenceMissing([_no_secret(name, product) for name in dict.fromkeys(missing)])
        return found


def _own_texts(target: Target, given: JsonObject) -> tuple[str, ...]:
    """Return what is to be masked of an input because its definition is sensitive."""
    return tuple(dict.fromkeys(leaf_texts(given))) if target.sensitive else ()


def _definitions(target: Target) -> JsonObject:
    """Return all of a target that may hold references, as one tree."""
    return {
        "definition": target.definition,
        "variables": cast("JsonValue", target.variables),
        "constants": cast("JsonValue", target.constants),
        "auths": cast("JsonValue", target.auths),
    }


def _open(
    target: Target, parts: JsonObject, secret: JsonObject, now_ms: int
) -> tuple[Target, tuple[str, ...]]:
    """Resolve variables and auths by secrets first, then the definition by all of them."""
    base = scope({"Secret": tree_source(secret)}, now_ms)
    tables: dict[str, Mapping[str, object]] = {}
    sensitive: tuple[str, ...] = ()
    for name in ("constants", "variables", "auths"):
        tables[name] = cast("Mapping[str, object]", resolve(parts[name], base, path=name))
        sensitive = (*sensitive, *sensitive_texts(parts[name], base))
    opened = replace(target, **tables)
    around = scope(
        {
            "Secret": tree_source(secret),
            "Variable": tree_source(cast("JsonObject", opened.variables)),
            "Constant": tree_source(cast("JsonObject", opened.constants)),
            "Auth": tree_source(cast("JsonObject", opened.auths)),
        },
        now_ms,
    )
    definition = resolve(parts["definition"], around, path="definition")
    sensitive = (*sensitive, *sensitive_texts(parts["definition"], around))
    return replace(opened, definition=cast("JsonObject", definition)), sensitive


def sources_of(target: Target, session: SessionData | None) -> dict[str, Source]:
    """Return what references in a caller's input, or in a mapping, may point at."""
    sources = {
        "Variable": tree_source(cast("JsonObject", target.variables)),
        "Constant": tree_source(cast("JsonObject", target.constants)),
        "Auth": tree_source(cast("JsonObject", target.auths)),
    }
    if session is not None:
        sources["Session"] = session_source(session.tag, session.data)
    return sources


def _no_secret(name: str, product: str) -> Fault:
    return fault(
        "definition",
        f"a secret named `{name}`",
        "none",
        hint=f"store it: ductape secrets set {name} --product {product}",
    )
