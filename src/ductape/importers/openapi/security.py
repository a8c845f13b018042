"""Security schemes as an app's auths, and which of them an operation takes (SPEC 9).

No document has credentials of yours: each becomes a secret that is still to be stored.
"""

from typing import cast

from msgspec import Struct

from ductape.domain.http.parts import header_faults
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.documents import Broken, Documents, Node, pointer_to
from ductape.importers.given_auth import GIVEN, given_auth
from ductape.importers.openapi.servers import joined_url
from ductape.importers.options import Options
from ductape.importers.report import Report
from ductape.importers.sealing import escaped
from ductape.importers.tags import Tags, secret_name
from ductape.importers.values import a_list, a_text, an_object, member


class Shown(Struct, frozen=True):
    """What an operation sends to show who calls."""

    auth: str | None = None
    headers: dict[str, str] = {}
    query: dict[str, JsonValue] = {}


class Security:
    """The auths of one document."""

    def __init__(self, documents: Documents, options: Options, report: Report) -> None:
        """Read every scheme that the document declares."""
        self._report = report
        self._app = options.app
        self._tags = Tags()
        self._tags.give(GIVEN)
        self.auths: dict[str, JsonObject] = {}
        """Tag → auth."""
        self.places: dict[str, str] = {}
        """Tag → where its scheme is declared."""
        self._schemes: dict[str, JsonObject] = {}
        """The scheme's own name → auth."""
        self._names: dict[int, str] = {}
        """Identity of a scheme → its own name."""
        self._refused: dict[str, str] = {}
        self._personal: set[str] = set()
        """Schemes whose token a person gets."""
        first = documents.first
        self._root = documents.base
        self._documents = documents
        declared = an_object(member(member(first.value, "components"), "securitySchemes"))
        for name, given in declared.items():
            self._declare(name, documents.follow(Node(given, first.home)))
        self._default = member(first.value, "security")
        self._given = given_auth(options.auth, options.app, report)
        if self._given is not None:
            self.auths[GIVEN] = self._given

    def shown_by(self, operation: Node, place: str) -> Shown:
        """Return what an operation sends; what cannot be imported is told."""
        own = member(operation.value, "security")
        home = self._documents.root if own is None else operation.home
        given = a_list(self._default if own is None else own)
        choices = [
            {self._meant(name, home): scopes for name, scopes in an_object(one).items()}
            for one in given
        ]
        named = [choice for choice in choices if choice]
        good = [choice for choice in named if all(self._can(name) for name in choice)]
        if not good:
            if self._given is not None and own != []:
                return Shown(GIVEN)
            if named and {} not in choices:
                self._report.leave_out(place, "auth", self._reason(named[0]))
            return Shown()
        return self._together(min(good, key=self._awkward))

    def sends(self, shown: Shown) -> frozenset[tuple[str, str]]:
        """Return the parameters, as (where, name), that an operation's auth sends already.

        Names of headers are in small letters.
        """
        auth = self.auths.get(shown.auth or "", {})
        name, location = a_text(auth.get("name")), a_text(auth.get("location"))
        own = {(location, name.lower() if location == "header" else name)}
        headers = {("header", name.lower()) for name in shown.headers}
        lines = [a_text(auth.get("value")) if _header_of(auth) == "cookie" else ""]
        lines += [line for name, line in shown.headers.items() if name.lower() == "cookie"]
        cookies = {("cookie", line.partition("=")[0]) for line in lines}
        return frozenset(own | headers | cookies | {("query", name) for name in shown.query})

    def _can(self, scheme: str) -> bool:
        """Tell whether a scheme is one to show; what the importing person named comes first."""
        known = scheme in self._schemes
        return known and not (scheme in self._personal and self._given is not None)

    def _meant(self, name: str, home: str) -> str:
        """Return the name of a scheme, which 3.2 may call by its address."""
        if name in self._schemes or name in self._refused or not {"#", "/"} & {*name}:
            return name
        found = self._documents.target(name, home)
        if isinstance(found, Broken):
            return name
        if id(found.value) not in self._names:
            called = name.rpartition("/")[2]
            self._declare(name if called in self._schemes else called, found)
        return self._names[id(found.value)]

    def _declare(self, name: str, node: Node | Broken) -> None:
        place = pointer_to("components", "securitySchemes", name)
        if isinstance(node, Node):
            self._names[id(node.value)] = name
        made = node.reason if isinstance(node, Broken) else self._made(name, an_object(node.value))
        if isinstance(made, str):
            self._refused[name] = made
            self._report.skip("auth", place, made)
            return
        tag = self._tags.give(name)
        self.places[tag] = place
        auth: JsonObject = {"tag": tag, **made}
        self.auths[tag] = self._schemes[name] = auth

    def _made(self, name: str, scheme: JsonObject) -> JsonObject | str:
        """Return a scheme as an auth, or why it cannot be one."""
        match scheme.get("type"), a_text(scheme.get("scheme")).lower():
            case "http", "bearer":
                return {"type": "bearer", "token": self._secret(name, "token")}
            case "http", "basic":
                return {
                    "type": "basic",
                    "username": self._secret(name, "username"),
                    "password": self._secret(name, "password"),
                }
            case "oauth2" | "openIdConnect", _:
                return self._client(name, an_object(member(scheme.get("flows"), _CLIENTS)))
            case "apiKey", _:
                return self._key(name, scheme)
            case "http", other:
                return f"the HTTP scheme {other[:40]!r} is none that an app's auth has"
            case kind, _:
                return _REASONS.get(a_text(kind), "its type is not known")

    def _client(self, name: str, flow: JsonObject) -> JsonObject:
        """Return the flow of a client's own credentials, the one that needs nobody at a screen."""
        url = joined_url(a_text(flow.get("tokenUrl")), self._root)
        if url is None:
            return self._persons(name)
        if scopes := ", ".join([*an_object(flow.get("scopes"))][:_MOST_SCOPES]):
            self._report.note(f"`{name[:80]}` asks for no scope; the document has: {scopes}")
        return {
            "type": "oauth2",
            "grant": "client_credentials",
            "token_url": escaped(url),
            "client_id": self._secret(name, "client_id"),
            "client_secret": self._secret(name, "client_secret"),
        }

    def _persons(self, name: str) -> JsonObject:
        """Return a token that a person got: the document has no other way to one."""
        self._personal.add(name)
        self._report.note(f"`{name[:80]}` sends a token that you get and renew: {_RENEW}")
        return {"type": "bearer", "token": self._secret(name, "token")}

    def _key(self, name: str, scheme: JsonObject) -> JsonObject | str:
        key, where = a_text(scheme.get("name")), a_text(scheme.get("in"))
        if a_text(scheme.get(_AMAZON)).startswith("aws"):
            return "it is AWS's signature of each request, which no app's auth makes"
        if not key or len(key) > 200 or (header_faults({key: ""}, "") and where != "query"):  # noqa: PLR2004 (as a product has names)
            return "its name is none that a request can have"
        auth: JsonObject = {"type": "api_key", "name": key}
        match where:
            case "header" | "query":
                return {**auth, "location": where, "value": self._secret(name, "key")}
            case "cookie":
                value = f"{key}={self._secret(name, 'cookie')}"
                return {**auth, "name": "Cookie", "location": "header", "value": value}
            case _:
                return f"a key in {where[:40]!r} is none that an app's auth has"

    def _secret(self, scheme: str, what: str) -> str:
        return self._report.need(secret_name(self._app, scheme, what), f"{what} of `{scheme}`")

    def _reason(self, choice: JsonObject) -> str:
        name = next(name for name in choice if name not in self._schemes)
        why = self._refused.get(name, "the document does not declare it")
        return f"it goes without credentials: of `{name[:80]}` {why}"

    def _awkward(self, choice: JsonObject) -> tuple[int, int]:
        """Rank the ways to show who calls: one thing before several, then what is renewed least.

        A token comes before a password, and both before the token of a person.
        """
        basic = any(self._schemes[name]["type"] == "basic" for name in choice)
        return len(choice), 2 if self._personal & {*choice} else int(basic)

    def _together(self, choice: JsonObject) -> Shown:
        """Let the auth show one scheme, and headers or the query the keys beside it."""
        ranked = sorted(choice, key=lambda name: self._schemes[name]["type"] == "api_key")
        shown = Shown(cast("str", self._schemes[ranked[0]]["tag"]), {}, {})
        sent = {_header_of(self._schemes[ranked[0]])}
        for name in ranked[1:]:
            auth = self._schemes[name]
            if auth["type"] != "api_key" or _header_of(auth) in sent - {""}:
                self._report.note(f"`{name}` is asked for beside another auth: only one is sent")
            elif auth["location"] == "query":
                shown.query[cast("str", auth["name"])] = auth["value"]
            else:
                shown.headers[cast("str", auth["name"])] = cast("str", auth["value"])
                sent.add(_header_of(auth))
        return shown


def _header_of(auth: JsonObject) -> str:
    """Name the header that an auth sends, in small letters; empty for one in the query."""
    if auth.get("type") != "api_key":
        return "authorization"
    return "" if auth["location"] == "query" else cast("str", auth["name"]).lower()


_AMAZON = "x-amazon-apigateway-authtype"
"""What the makers of AWS's documents have beside the key that a signature is written as."""
_CLIENTS = "clientCredentials"
_MOST_SCOPES = 50
_RENEW = "an auth of the type `oauth2` with a `refresh_token` does it by itself"
_REASONS = {
    "mutualTLS": "client certificates are none that an app's auth has",
}
"""Why whole types of schemes are skipped."""
