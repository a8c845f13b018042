"""Whom a mail is from, as people write it: an address, or a name and then the address in `<…>`.

More generous than RFC 5322: a name needs no quotes round a comma or a dot, for there is only one.
"""

import re

from msgspec import Struct

from ductape.domain.datatypes import is_email

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPED = re.compile(r"\\(.)")


class Sender(Struct, frozen=True):
    """One mailbox, and what it is called."""

    name: str
    """Empty where it has none."""
    address: str


def read_sender(text: str) -> Sender | None:
    r"""Read a sender; none where it is no mailbox.

    >>> read_sender("Shop, Inc. <shop@example.org>"), read_sender("shop@example.org").name
    (Sender(name='Shop, Inc.', address='shop@example.org'), '')
    >>> read_sender(r'"The \"Shop\"" <shop@example.org>').name
    'The "Shop"'
    >>> read_sender("a@example.org, b@example.org"), read_sender("Shop <a@example.org>\nBcc: b")
    (None, None)
    """
    if _CONTROLS.search(text):
        return None
    name, opened, address = text.strip().rpartition("<")
    if opened:
        address = address[:-1] if address.endswith(">") else ""
    name = name.strip()
    quoted = len(name) > 1 and name.startswith('"') and name.endswith('"')
    if quoted:
        name = _ESCAPED.sub(r"\1", name[1:-1])
    return Sender(name, address) if is_email(address) and ("<" not in name or quoted) else None
