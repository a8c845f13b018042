"""Filling `{{variables}}` in texts and JSON; nothing is evaluated, nothing filled is read again.

A variable's value becomes text as in references (SPEC 6): objects as JSON. In JSON a text that is
exactly one variable takes the value with its type. Null fills nothing.
"""

import re
from collections.abc import Iterator, Mapping
from html import escape

from ductape.domain.http.parts import as_text
from ductape.domain.jsonvalue import JsonObject, JsonValue

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][\w.-]*)\s*\}\}", re.ASCII)

_BRACES = re.compile(r"\{\{[^{}]*\}\}")

_NO_VARIABLES: frozenset[str] = frozenset()


def variables_of(template: JsonValue) -> frozenset[str]:
    """Return the names of all variables in a text, or anywhere in a JSON value.

    >>> sorted(variables_of({"id": "{{order}}", "to": ["{{ name }}", 1]}))
    ['name', 'order']
    """
    if template is None:
        return _NO_VARIABLES
    return frozenset(name for text in _texts(template) for name in _VARIABLE.findall(text))


def unread_braces(text: str) -> str | None:
    """Return the first `{{…}}` of a text that is no variable, and so would stay as it is.

    >>> unread_braces("Hi {{name}}"), unread_braces("Hi {{name}}, {{name|upper}}")
    (None, '{{name|upper}}')
    """
    found = (braces[0] for braces in _BRACES.finditer(text))
    return next((one for one in found if not _VARIABLE.fullmatch(one)), None)


def unfilled(template: JsonValue, values: Mapping[str, JsonValue]) -> list[str]:
    """Return the variables that the values leave open, sorted."""
    return sorted(name for name in variables_of(template) if values.get(name) is None)


def fill_text(template: str, values: Mapping[str, JsonValue]) -> str:
    """Return the text with its variables filled in.

    >>> fill_text("Hello {{name}}, {{name}}!", {"name": "{{x}}"})
    'Hello {{x}}, {{x}}!'
    """
    return _VARIABLE.sub(lambda match: as_text(values[match[1]]), template)


def fill_html(template: str, values: Mapping[str, JsonValue]) -> str:
    """Return the HTML with its variables filled in as text: none can bring markup.

    >>> fill_html("<p>{{name}}</p>", {"name": "<b>"})
    '<p>&lt;b&gt;</p>'
    """
    return _VARIABLE.sub(lambda match: escape(as_text(values[match[1]])), template)


def fill_json(template: JsonValue, values: Mapping[str, JsonValue]) -> JsonValue:
    """Return the JSON value with the variables in its texts filled in; keys are left alone.

    >>> fill_json({"id": "{{id}}", "note": "no. {{id}}"}, {"id": 7})
    {'id': 7, 'note': 'no. 7'}
    """
    match template:
        case str():
            whole = _VARIABLE.fullmatch(template)
            return values[whole[1]] if whole else fill_text(template, values)
        case list():
            return [fill_json(member, values) for member in template]
        case dict():
            return fill_object(template, values)
        case _:
            return template


def fill_object(template: JsonObject, values: Mapping[str, JsonValue]) -> JsonObject:
    """Return `fill_json` of an object, known to be one."""
    return {key: fill_json(member, values) for key, member in template.items()}


def _texts(template: JsonValue) -> Iterator[str]:
    match template:
        case str():
            yield template
        case list():
            for member in template:
                yield from _texts(member)
        case dict():
            for member in template.values():
                yield from _texts(member)
        case _:
            return
