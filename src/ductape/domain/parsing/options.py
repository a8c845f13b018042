"""The smaller objects of a request: session, retryConfig, metadata, input (SPEC 1, 5, 6, 19)."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import cast

from ductape.domain.found import kind_of, path_to, shown
from ductape.domain.jsonlimits import DEFAULT, Limits, plain_object
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.parsing.reading import Shape, open_form
from ductape.domain.parsing.scalars import SPAN_MAX_MS, flag, integer, name, names, number, text
from ductape.domain.request import RetryPolicy, SessionToken
from ductape.errors import Fault, fault

SESSION = Shape(known=frozenset({"tag", "token", "mustBeLive"}))

RETRY_CONFIG = Shape(
    known=frozenset(
        {
            "initialDelay",
            "maxDelay",
            "backoffMultiplier",
            "jitter",
            "jitterPercent",
            "retryableErrors",
            "nonRetryableErrors",
        }
    )
)

_DELAY = integer(0, SPAN_MAX_MS, " of milliseconds")
_MULTIPLIER = number(1, 1_000)
_SHARE = number(0, 1)
_USUAL = RetryPolicy()

_FAULTS_SHOWN = 50
_BYTES = frozenset({bytes, bytearray})


def session(value: object, path: str, faults: list[Fault]) -> SessionToken | None:
    """Read the session; whether the token is good is for the sessions to say."""
    form = open_form(value, path, SESSION, faults)
    if form is None:
        return None
    return SessionToken(
        tag=form.need("tag", name),
        token=form.need("token", text),
        must_be_live=form.take("mustBeLive", flag, default=False),
    )


def retry_policy(value: object, path: str, faults: list[Fault]) -> RetryPolicy:
    """Read retryConfig; of two delays the one that is not given gives way to the other."""
    form = open_form(value, path, RETRY_CONFIG, faults)
    if form is None:
        return _USUAL
    before = len(faults)
    first = form.take("initialDelay", _DELAY, None)
    longest = form.take("maxDelay", _DELAY, max(first or 0, _USUAL.max_delay_ms))
    initial = min(_USUAL.initial_delay_ms, longest) if first is None else first
    if longest < initial and len(faults) == before:
        expected = f"at least initialDelay ({initial} ms)"
        faults.append(fault(f"{path}.maxDelay", expected, str(longest)))
    return RetryPolicy(
        initial_delay_ms=initial,
        max_delay_ms=longest,
        backoff_multiplier=form.take("backoffMultiplier", _MULTIPLIER, _USUAL.backoff_multiplier),
        jitter=form.take("jitter", flag, _USUAL.jitter),
        jitter_percent=form.take("jitterPercent", _SHARE, _USUAL.jitter_percent),
        retryable=form.take("retryableErrors", names, _USUAL.retryable),
        non_retryable=form.take("nonRetryableErrors", names, _USUAL.non_retryable),
    )


def payload(value: object, path: str, faults: list[Fault], *, limits: Limits) -> JsonObject:
    """Read `input`: any object that JSON can hold, and bytes as its `blob`, made base64."""
    members = _members(value)
    if members is None:
        faults.append(fault(path, "an object", kind_of(value), hint="use {} for no input"))
        return {}
    if type(members.get("blob")) in _BYTES:
        content = cast("bytes", members["blob"])
        if len(content) > (most := limits.input_bytes // 4 * 3):  # base64 makes four of three
            hint = "name it as the `file` or `url` of an upload"
            wanted, found = f"at most {most} bytes", str(len(content))
            faults.append(fault(path_to(path, "blob"), wanted, found, hint=hint))
            content = b""
        members = {**members, "blob": b64encode(content).decode()}
    taken = plain_object(members, path, max_bytes=limits.input_bytes, nesting=limits.nesting)
    if isinstance(taken, list):
        faults.extend(taken)
        return {}
    if limits.references < DEFAULT.references:  # else they are counted as they are judged
        faults.extend(_too_many(taken, path, limits.references))
    return taken


def _too_many(given: JsonObject, path: str, most: int) -> Iterator[Fault]:
    from ductape.domain.references import count_uses  # noqa: PLC0415 (loads much, few need it)

    if (uses := count_uses(given)) > most:
        yield fault(path, f"at most {most} references and operators", f"{uses}")


def brings_bytes(value: object, path: str, faults: list[Fault]) -> bool:  # noqa: ARG001 (as every reader)
    """Tell whether an input's `blob` is bytes: whether its event takes them is seen later."""
    return type((_members(value) or {}).get("blob")) in _BYTES


def _members(value: object) -> dict[str, object] | None:
    """Return what an object has; none of what is no mapping. Most are dicts already."""
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    return dict(cast("Mapping[str, object]", value)) if isinstance(value, Mapping) else None


def labels(value: object, path: str, faults: list[Fault], *, limits: Limits) -> dict[str, str]:
    """Read `metadata`: strings by name."""
    members = _members(value)
    if members is None:
        faults.append(fault(path, "an object of strings", kind_of(value)))
        return {}
    unlike = [key for key, member in members.items() if not isinstance(member, str)]
    if unlike:
        faults.extend(_no_label(path_to(path, key), members[key]) for key in unlike[:_FAULTS_SHOWN])
        return {}
    taken = plain_object(members, path, max_bytes=limits.metadata_bytes, nesting=1)
    if isinstance(taken, dict):
        return cast("dict[str, str]", taken)
    faults.extend(taken)
    return {}


def _no_label(path: str, member: object) -> Fault:
    return fault(path, "a string", shown(member, path))
