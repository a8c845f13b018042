"""What each channel of a notification needs, and what its callback consists of (SPEC 9)."""

import re
from collections.abc import Callable, Sequence

from msgspec import Struct

from ductape.domain.datatypes import is_email
from ductape.domain.found import kind_of, path_to
from ductape.domain.http.parts import header_faults, param_faults
from ductape.domain.inputs.content import filled_or_given, variable_faults, wording_faults
from ductape.domain.inputs.parts import PARTS, RequestParts, gather_parts
from ductape.domain.inputs.pending import pending
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.nearest import hint_for
from ductape.errors import Fault, fault

MOST_NUMBERS = 500
"""Of one text message: what was sent to each is remembered for a retry."""

BREAKS = frozenset("\r\n\0")
"""What a mail's subject cannot have."""

_PHONE_NUMBER = re.compile(r"\+?[0-9]{3,15}", re.ASCII)


def is_phone_number(value: JsonValue) -> bool:
    """Tell whether a value is a telephone number in E.164, or a short code.

    >>> is_phone_number("+31612345678"), is_phone_number("06 123"), is_phone_number(31612345678)
    (True, False, False)
    """
    return isinstance(value, str) and _PHONE_NUMBER.fullmatch(value) is not None


class Review(Struct, frozen=True):
    """One channel's input beside what the message defines for it."""

    path: str
    defined: JsonObject
    """Empty where the message says nothing."""
    given: JsonObject
    locales: tuple[str, ...]
    """Best first."""
    resolved: bool
    """Whether references have been replaced already."""


def push_faults(review: Review) -> list[Fault]:
    """Check `{title, body, data, device_token}`."""
    faults = unknown_keys(review.given, ("title", "body", "data", "device_token"), review.path)
    token = review.given.get("device_token")
    if not isinstance(token, str) or not token.strip():
        faults.append(fault(f"{review.path}.device_token", "the device's token", kind_of(token)))
    faults += _wording(review, "title") + _wording(review, "body") + _data(review)
    if not any(_said(review, name) for name in ("title", "body", "data")):
        faults.append(fault(review.path, "a title, a body or data", "none of them"))
    return faults


def email_faults(review: Review) -> list[Fault]:
    """Check `{to, subject, template}`."""
    faults = unknown_keys(review.given, ("to", "subject", "template"), review.path)
    faults += _recipients(review)
    path, values = f"{review.path}.template", review.given.get("template")
    faults += _wording(review, "subject") + _line_breaks(review)
    faults += wording_faults(
        mail_template(review.defined), values, path, review.locales, resolved=review.resolved
    )
    for name, said in (("subject", None), ("template", review.defined.get("text"))):
        if not (said or _said(review, name)):
            faults.append(fault(f"{review.path}.{name}", "a text", "nothing"))
    text = variable_faults(review.defined.get("text"), values, path, resolved=review.resolved)
    return faults + [one for one in text if one not in faults]


def mail_template(defined: JsonObject) -> JsonValue:
    """Return what the input's `template` has the variables of: HTML, or a text without any."""
    return defined.get("template") or defined.get("text")


def sms_faults(review: Review) -> list[Fault]:
    """Check `{to, body}`."""
    faults = unknown_keys(review.given, ("to", "body"), review.path)
    faults += _numbers(review) + _wording(review, "body")
    if not _said(review, "body"):
        faults.append(fault(f"{review.path}.body", "a text", "nothing"))
    return faults


def callback_faults(review: Review, url: JsonValue) -> list[Fault]:
    """Check `{query, params, body, headers}`, against the provider's `url` as well."""
    parts, faults = gather_parts(review.given, review.path, resolved=review.resolved)
    awaited = {name for name in PARTS if pending(review.given.get(name), resolved=review.resolved)}
    for name in PARTS:
        if name not in awaited:
            template, where = review.defined.get(name), f"{review.path}.{name}"
            values = _part(parts, name)
            faults += variable_faults(template, values, where, resolved=review.resolved)
    if faults or awaited:
        return faults
    filled = callback_parts(review.defined, parts)
    if isinstance(url, str):
        faults += param_faults(url, filled.params, f"{review.path}.params")
    return faults + header_faults(filled.headers, f"{review.path}.headers")


def callback_parts(defined: JsonObject, given: RequestParts) -> RequestParts:
    """Return the parts of a callback, the message's variables filled in."""
    return RequestParts(
        query=_filled_object(defined, "query", given.query),
        params=_filled_object(defined, "params", given.params),
        body=filled_or_given(defined.get("body"), given.body),
        headers=_filled_object(defined, "headers", given.headers),
    )


def unknown_keys(given: JsonObject, known: Sequence[str], path: str) -> list[Fault]:
    """Refuse every key that is not known, naming the nearest that is."""
    return [
        fault(path_to(path, key), "a known key", "an unknown one", hint=hint_for(key, known, {}))
        for key in given
        if key not in known
    ]


def _wording(review: Review, name: str) -> list[Fault]:
    defined, given = review.defined.get(name), review.given.get(name)
    path = f"{review.path}.{name}"
    return wording_faults(defined, given, path, review.locales, resolved=review.resolved)


def _line_breaks(review: Review) -> list[Fault]:
    return broken_lines(review.given.get("subject"), f"{review.path}.subject")


def broken_lines(subject: JsonValue, path: str) -> list[Fault]:
    """Refuse a subject of several lines, in any locale: a header would follow it."""
    members = subject.items() if isinstance(subject, dict) else ()
    texts = [(path, subject), *((path_to(path, name), text) for name, text in members)]
    return [
        fault(where, "text on one line", "a line break")
        for where, text in texts
        if isinstance(text, str) and not BREAKS.isdisjoint(text)
    ]


def _data(review: Review) -> list[Fault]:
    defined, given = review.defined.get("data"), review.given.get("data")
    path = f"{review.path}.data"
    if pending(given, resolved=review.resolved):
        return []
    if given is not None and not isinstance(given, dict):
        return [fault(path, "an object", kind_of(given))]
    return variable_faults(defined, given, path, resolved=review.resolved)


def _said(review: Review, name: str) -> bool:
    return bool(review.defined.get(name) or review.given.get(name))


def _recipients(review: Review) -> list[Fault]:
    return _each(review, "an e-mail address", "ada@example.org", is_email)


def _numbers(review: Review) -> list[Fault]:
    to = review.given.get("to")
    if isinstance(to, list) and len(to) > MOST_NUMBERS:
        return [fault(f"{review.path}.to", f"at most {MOST_NUMBERS} numbers", f"{len(to)}")]
    return _each(review, "a telephone number", "+31612345678", is_phone_number)


def _each(
    review: Review, noun: str, example: str, fits: Callable[[JsonValue], bool]
) -> list[Fault]:
    """Check one recipient, or each of a list of them."""
    path, to = f"{review.path}.to", review.given.get("to")
    if isinstance(to, list) and to:
        places = [(f"{path}[{at}]", one) for at, one in enumerate(to)]
        wanted = f"{noun} such as {example}"
    elif isinstance(to, str):
        places, wanted = [(path, to)], f"{noun} such as {example}"
    else:
        found = "an empty list" if to == [] else kind_of(to)
        return [fault(path, f"{noun} or a list of them", found)]
    return [
        fault(where, wanted, "another text" if isinstance(one, str) else kind_of(one))
        for where, one in places
        if not (pending(one, resolved=review.resolved) or fits(one))
    ]


def _part(parts: RequestParts, name: str) -> JsonValue:
    return {
        "query": parts.query,
        "params": parts.params,
        "body": parts.body,
        "headers": parts.headers,
    }[name]


def _filled_object(defined: JsonObject, name: str, given: JsonObject) -> JsonObject:
    filled = filled_or_given(defined.get(name), given)
    return filled if isinstance(filled, dict) else {}
