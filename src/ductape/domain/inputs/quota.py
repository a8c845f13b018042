"""The input of a quota: the subject's fields, `amount`, `action` (SPEC 9)."""

from typing import cast

from ductape.domain.found import kind_of, shown
from ductape.domain.inputs.pending import pending
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.nearest import hint_for
from ductape.errors import Fault, fault

ACTIONS = ("check", "increment", "reset")
OWN = ("amount", "action")
MOST = 10**15
"""No sum of so many can leave what a store holds."""


def check_quota(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:
    """Tell everything that is wrong; other fields may be there, for the options' mappings."""
    faults: list[Fault] = []
    per = cast("list[str]", definition.get("per") or [])
    for name in per:
        value = given.get(name)
        if not pending(value, resolved=resolved) and not _is_subject(value):
            found = "nothing" if value is None else kind_of(value)
            faults.append(fault(f"input.{name}", "a text, a number or a boolean", found))
    faults += _own_faults(given, resolved=resolved)
    for name in given:
        if name not in (*OWN, *per) and (meant := _meant(name)):
            faults.append(fault(f"input.{name}", "a known key", "an unknown one", hint=meant))
    return faults


def _own_faults(given: JsonObject, *, resolved: bool) -> list[Fault]:
    faults: list[Fault] = []
    amount, action = given.get("amount"), given.get("action")
    if amount is not None and not pending(amount, resolved=resolved) and not _is_amount(amount):
        expected = "an integer above 0, at most 10^15"
        faults.append(fault("input.amount", expected, shown(amount, "input.amount")))
    if action is not None and not pending(action, resolved=resolved) and action not in ACTIONS:
        expected = "`check`, `increment` or `reset`"
        faults.append(fault("input.action", expected, shown(action, "input.action")))
    return faults


def _is_subject(value: JsonValue) -> bool:
    return isinstance(value, str | int | float)


def _is_amount(value: JsonValue) -> bool:
    return type(value) is int and 1 <= value <= MOST


def _meant(name: str) -> str | None:
    """Return the hint for what is nearly one of our own keys: else it would be passed over."""
    hint = hint_for(name, OWN, {})
    return hint if hint.startswith("did you mean") else None
