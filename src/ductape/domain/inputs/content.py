"""What a message says: the defined text with its variables, or the text that the caller gives.

A text that the message defines takes the given object as variables (`title: {username: …}`).
Where it defines none, the caller gives the content: a text as it is, or a map of locale to text
(`title: {en: …}`), of which the message's locale, else the env's, else `en`, else the first is
taken. A defined text without variables is a default that a caller's content replaces, if that is
a text or names one of those locales (SPEC 9, issue 3 item 12).
"""

from collections.abc import Sequence

from msgspec import Struct

from ductape.domain.found import kind_of, path_to
from ductape.domain.inputs.pending import pending
from ductape.domain.inputs.template import (
    fill_html,
    fill_json,
    fill_text,
    unfilled,
    variables_of,
)
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import Fault, fault

FALLBACK_LOCALE = "en"


class Wording(Struct, frozen=True):
    """One text of a message, chosen but not yet filled."""

    text: str
    variables: JsonObject | None
    """None for the caller's own content, in which `{{…}}` is plain text."""

    def plain(self) -> str:
        """Return the text."""
        return self.text if self.variables is None else fill_text(self.text, self.variables)

    def html(self) -> str:
        """Return the text as HTML, variables escaped."""
        return self.text if self.variables is None else fill_html(self.text, self.variables)


def locales_of(message_locale: str | None, env_locale: str | None) -> tuple[str, ...]:
    """Return the locales to look for, best first.

    >>> locales_of(None, "nl")
    ('nl', 'en')
    """
    return tuple(one for one in (message_locale, env_locale, FALLBACK_LOCALE) if one)


def wording(defined: JsonValue, given: JsonValue, locales: Sequence[str]) -> Wording | None:
    """Return what one text of a message says; none where nobody says anything.

    Presumes that `wording_faults` found none.
    """
    own = _content(given, locales)
    template = _content(defined, locales)
    if template is None:
        return None if own is None else Wording(own, None)
    if own is not None and _replaces(template, given, locales):
        return Wording(own, None)
    return Wording(template, given if isinstance(given, dict) else {})


def wording_faults(
    defined: JsonValue, given: JsonValue, path: str, locales: Sequence[str], *, resolved: bool
) -> list[Fault]:
    """Tell what keeps one text of a message from being said."""
    if pending(given, resolved=resolved):
        return []
    template = _content(defined, locales)
    if template is None:
        return _content_faults(given, path, resolved=resolved)
    if _replaces(template, given, locales):
        return _content_faults(given, path, resolved=resolved)
    return variable_faults(template, given, path, resolved=resolved)


def filled_or_given(defined: JsonValue, given: JsonValue) -> JsonValue:
    """Return JSON of a message: the defined one filled, or the caller's over the defined one.

    >>> filled_or_given({"id": "{{order}}"}, {"order": 7}), filled_or_given({"a": 1}, {"b": 2})
    ({'id': 7}, {'a': 1, 'b': 2})
    """
    if variables_of(defined):
        return fill_json(defined, given if isinstance(given, dict) else {})
    if isinstance(defined, dict) and isinstance(given, dict):
        return defined | given
    return defined if given is None else given


def variable_faults(
    template: JsonValue, given: JsonValue, path: str, *, resolved: bool
) -> list[Fault]:
    """Tell which variables of a template stay open."""
    names = variables_of(template)
    if not names or pending(given, resolved=resolved):
        return []
    if given is not None and not isinstance(given, dict):
        return [fault(path, f"an object with the variables {_listed(names)}", kind_of(given))]
    return [
        fault(path_to(path, name), f"a value for {{{{{name}}}}}", "nothing")
        for name in unfilled(template, given or {})
    ]


def _content(value: JsonValue, locales: Sequence[str]) -> str | None:
    if isinstance(value, dict):
        texts = [value[locale] for locale in locales if locale in value] or [*value.values()]
        value = texts[0] if texts else None
    return value if isinstance(value, str) else None


def _replaces(template: str, given: JsonValue, locales: Sequence[str]) -> bool:
    if variables_of(template):
        return False
    return isinstance(given, str) or (
        isinstance(given, dict) and any(locale in given for locale in locales)
    )


def _content_faults(given: JsonValue, path: str, *, resolved: bool) -> list[Fault]:
    if given is None or isinstance(given, str):
        return []
    if not isinstance(given, dict):
        return [fault(path, "a text, or an object of locale to text", kind_of(given))]
    return [
        fault(path_to(path, locale), "a text", kind_of(text))
        for locale, text in given.items()
        if not isinstance(text, str) and not pending(text, resolved=resolved)
    ]


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
