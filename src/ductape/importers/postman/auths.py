"""Postman's auths: the nearest one counts, a request's own, its folder's, the collection's."""

import json
from typing import TypeAlias

from ductape.domain.http.parts import header_faults
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.given_auth import GIVEN, given_auth
from ductape.importers.options import Options
from ductape.importers.postman.fields import Fields
from ductape.importers.postman.oauth2 import OAuth2
from ductape.importers.postman.scopes import NAMED
from ductape.importers.report import Report
from ductape.importers.tags import Tags, secret_name
from ductape.importers.values import a_list, a_text, as_written, member

_Given: TypeAlias = dict[str, str]
_Key: TypeAlias = tuple[str, tuple[tuple[str, str], ...], str]
"""Its type, what it is made of, and what the variables therein are where it counts."""

Sent: TypeAlias = tuple[str, str] | None
"""Where a key is sent, and under which name; none for what is no key."""

_TOLD = frozenset({"username", "clientId"})
"""What is kept as a secret in an auth, and is none elsewhere."""
_NO_NAME = "its name is none that a request can have"


class Auths:
    """The auths of one collection, each once however often it stands there."""

    def __init__(self, options: Options, report: Report) -> None:
        """Make the one that the importing person named."""
        self._options = options
        self._report = report
        self._tags = Tags()
        self._tags.give(GIVEN)
        self._known: dict[_Key, str | None] = {}
        self._reasons: dict[_Key, str] = {}
        self.made: dict[str, JsonObject] = {}
        """Tag → auth."""
        self.places: dict[str, str] = {}
        """Tag → where it stands."""
        given = given_auth(options.auth, options.app, report)
        if given is not None:
            self.made[GIVEN] = given

    def declare(self, given: JsonValue, place: str, fields: Fields) -> None:
        """Take an auth that stands in the collection, its values as they are there."""
        key = _key(given, fields)
        if key is None or key in self._known:
            return
        auth = self._made(key[0], dict(key[1]), fields, place)
        if isinstance(auth, str):
            self._known[key] = None
            self._reasons[key] = auth
            self._report.skip("auth", place, auth)
            return
        tag = self._tags.give(key[0])
        self._known[key] = tag
        self.made[tag] = {"tag": tag, **auth}
        self.places[tag] = place

    def tag_of(self, given: JsonValue, place: str, fields: Fields) -> str | None:
        """Return the tag of an auth; none where there is none, or none that an app has.

        `fields` are the request's: its variables count, also in an auth that stands above it.
        """
        self.declare(given, place, fields)
        key = _key(given, fields)
        own = GIVEN if GIVEN in self.made else None
        if key is None:
            return None if member(given, "type") == "noauth" else own
        if self._known.get(key) is None:
            if own is not None:
                return own
            reason = f"it goes without credentials: {self._reasons.get(key, 'it is not known')}"
            self._report.leave_out(place, "auth", reason)
        return self._known.get(key)

    def sends(self, tag: str | None) -> Sent:
        """Return what an auth sends by itself, as (where, name), headers in small letters.

        Postman takes it out of the request, where it stands as well.
        """
        auth = self.made.get(tag or "", {})
        if auth.get("type") in ("basic", "bearer", "oauth2"):
            return "header", "authorization"
        name, where = a_text(auth.get("name")), a_text(auth.get("location"))
        return (where, name.lower() if where == "header" else name) if name else None

    def _made(self, kind: str, given: _Given, fields: Fields, place: str) -> JsonObject | str:
        match kind:
            case "bearer":
                return {"type": "bearer", "token": self._secret("bearer", "token", given, fields)}
            case "basic":
                # Where one of them alone tells who calls, Postman sends the other empty.
                parts = ("username", "password")
                sent = {
                    one: self._secret("basic", one, given, fields) if given.get(one) else ""
                    for one in parts
                }
                return {"type": "basic", **sent}
            case "apikey":
                return self._api_key(given, fields)
            case "oauth2":
                return OAuth2(
                    given,
                    fields,
                    secret=lambda what: self._secret("oauth2", what, given, fields),
                    tell=lambda reason: self._report.leave_out(place, "auth", reason),
                ).made()
            case _:
                return f"an app has no auth of the type {kind[:40]!r}"

    def _api_key(self, given: _Given, fields: Fields) -> JsonObject | str:
        name = fields.variables.filled(given.get("key", ""), self._options.envs[0]) or ""
        where = "query" if given.get("in") == "query" else "header"
        if not name or len(name) > 200 or (where == "header" and header_faults({name: ""}, "")):  # noqa: PLR2004 (as a product has names)
            return _NO_NAME
        value = self._secret("apikey", "value", given, fields)
        return {"type": "api_key", "name": name, "location": where, "value": value}

    def _secret(self, kind: str, what: str, given: _Given, fields: Fields) -> str:
        """Return the reference to a credential: named after its variable, else after its place."""
        only = NAMED.fullmatch(given.get(what, "").strip())
        if only is not None:
            if what not in _TOLD:
                fields.variables.hide(only[0])
            return fields.variables.secret(only[1].strip())
        number = "" if len(self._known) == 0 else str(len(self._known) + 1)
        name = secret_name(self._options.app, kind + number, what)
        return self._report.need(name, f"{what} of the auth `{kind}`")


def is_auth(given: JsonValue) -> bool:
    """Tell whether a request is sent with an auth."""
    return a_text(member(given, "type")) not in ("", "noauth")


def _key(given: JsonValue, fields: Fields) -> _Key | None:
    """Return what tells an auth from others; none for no auth."""
    if not is_auth(given):
        return None
    kind = a_text(member(given, "type"))
    listed = member(given, kind)
    pairs = {a_text(member(one, "key")): _text(member(one, "value")) for one in a_list(listed)}
    if isinstance(listed, dict):
        pairs = {name: _text(value) for name, value in listed.items()}
    return kind, tuple(sorted(pairs.items())), fields.variables.seen(*pairs.values())


def _text(value: JsonValue) -> str:
    return json.dumps(value) if isinstance(value, (dict, list)) else as_written(value)
