"""Rules about a product's sessions: schema, life, selector, foreign keys (SPEC 6)."""

from collections.abc import Iterator, Sequence
from typing import cast

from ductape.domain.found import kind_of, path_to
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.parsing.scalars import SPAN_MAX_MS
from ductape.domain.product.format.document import Product, Session, Verify
from ductape.domain.product.secrets import secret_alone
from ductape.domain.references import LIVE, check
from ductape.domain.session import PERIOD_MS, TYPE_WORDS, selector_path
from ductape.errors import Fault, fault

_UNSELECTABLE = TYPE_WORDS.keys() - {"string", "number"}
_PRIVATE = ("d", "k", "p", "q")
"""Members that only a secret JWK has."""


def session_faults(product: Product) -> Iterator[Fault]:
    """Tell what is wrong with the sessions."""
    for at, session in enumerate(product.sessions):
        path = f"sessions[{at}]"
        if not session.schema:
            yield fault(f"{path}.schema", "an example of the session's data", "an empty object")
        if expiry_ms(session) > SPAN_MAX_MS:
            yield fault(f"{path}.expiry", "at most a hundred years", f"{session.expiry}")
        if session.selector is not None:
            yield from _selector_faults(session, session.selector, f"{path}.selector")
        if session.verify is not None:
            yield from _verify_faults(session.verify, f"{path}.verify")


def expiry_ms(session: Session) -> int:
    """Return how long a token is good.

    >>> expiry_ms(Session(tag="user", schema={"id": ""}, expiry=2, period="hours"))
    7200000
    """
    return session.expiry * (1 if session.period is None else PERIOD_MS[session.period])


def user_path(session: Session) -> tuple[str, ...]:
    """Return where in the data the user's identifier is; empty where nothing selects it."""
    return () if session.selector is None else selector_path(session.selector, session.tag) or ()


def _selector_faults(session: Session, selector: str, path: str) -> Iterator[Fault]:
    faults, _ = check(selector, live=LIVE["session selector"], path=path)
    yield from faults
    if faults:
        return
    steps = user_path(session)
    if not steps:
        yield fault(path, "one reference such as `$Session{userId}`", "another text")
    elif not _selectable(example := _at(session.schema, steps)):
        found = "nothing" if example is None else kind_of(example)
        yield fault(path, "the path of a text or an integer in the schema", found)


def _at(schema: JsonValue, steps: Sequence[str]) -> JsonValue:
    for step in steps:
        if not isinstance(schema, dict):
            return None
        schema = schema.get(step)
    return schema


def _selectable(example: JsonValue) -> bool:
    if isinstance(example, str):
        return example not in _UNSELECTABLE
    return type(example) is int


def shared_key(verify: Verify) -> str | None:
    """Return the name of the secret that signs the team's JWT; none for a public key."""
    if verify.alg != "HS256" or not isinstance(verify.key, str):
        return None
    return secret_alone(verify.key)


def _verify_faults(verify: Verify, path: str) -> Iterator[Fault]:
    if verify.alg == "HS256":
        if shared_key(verify) is None or verify.jwks is not None:
            hint = "the key that signs is a secret: ductape secrets set NAME --product TAG"
            yield fault(f"{path}.key", "`$Secret{name}` alone", "something else", hint=hint)
        return
    match verify.key, verify.jwks:
        case None, None:
            yield fault(path, "`key` or `jwks`", "neither")
        case None, {"keys": [*members]}:
            for at, member in enumerate(cast("list[JsonValue]", members)):
                yield from _key_faults(member, path_to(f"{path}.jwks.keys", at))
        case None, _:
            yield fault(f"{path}.jwks", "a key set `{keys: […]}`", "another object")
        case key, None:
            yield from _key_faults(key, f"{path}.key")
        case _:
            yield fault(f"{path}.jwks", "nothing beside `key`", "one more")


def _key_faults(key: JsonValue, path: str) -> Iterator[Fault]:
    expected = "a public key, as PEM or JWK"
    match key:
        case str() if "PRIVATE KEY" not in key:
            return
        case dict() if not any(name in key for name in _PRIVATE):
            return
        case str() | dict():
            yield fault(path, expected, "a private one", hint="only its owner may have it")
        case _:
            yield fault(path, expected, kind_of(key))
