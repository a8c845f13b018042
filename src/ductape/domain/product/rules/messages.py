"""Rules about messages: braces in them are variables, and nothing else is evaluated (SPEC 18)."""

from collections.abc import Iterator
from typing import cast

import msgspec

from ductape.domain.found import path_to, shortened
from ductape.domain.inputs.template import unread_braces
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.notification import Message
from ductape.errors import Fault, fault

_CHANNELS = ("push_notification", "email", "sms", "callback")
_WANTED = "`{{name}}` alone: no filters, no blocks, no expressions"
_HINT = "give the value as it is to be read, or let a variable bring what has braces"


def message_faults(product: Product) -> Iterator[Fault]:
    """Tell every text of a message that would go out with its braces."""
    for at, notification in enumerate(product.notifications):
        for place, message in enumerate(notification.messages):
            yield from _faults_of(message, f"notifications[{at}].messages[{place}]")


def _faults_of(message: Message, path: str) -> Iterator[Fault]:
    for name in _CHANNELS:
        content = getattr(message, name)
        if content is not None:
            whole = cast("JsonValue", msgspec.to_builtins(content))
            yield from _inside(whole, path_to(path, name))


def _inside(value: JsonValue, path: str) -> Iterator[Fault]:
    match value:
        case str():
            braces = unread_braces(value)
            if braces is not None:
                yield fault(path, _WANTED, f"`{shortened(braces)}`", hint=_HINT)
        case list():
            for at, member in enumerate(value):
                yield from _inside(member, path_to(path, at))
        case dict():
            for key, member in value.items():
                yield from _inside(member, path_to(path, key))
        case _:
            return
