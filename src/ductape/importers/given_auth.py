"""An auth that the importing person names, for what a document leaves without one.

Many documents declare none, or one that an app cannot have: the person knows what the API takes.
"""

from ductape.domain.http.parts import header_faults
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.format.words import LONGEST_NAME
from ductape.importers.report import Report
from ductape.importers.tags import secret_name

GIVEN = "given"
"""The auth's tag."""

EXPECTED = "`bearer`, `basic`, `header:NAME` or `query:NAME`"


def is_auth(text: str) -> bool:
    """Tell whether a text names an auth.

    >>> [is_auth(text) for text in ("bearer", "header:X-Api-Key", "header:", "oauth2")]
    [True, True, False, False]
    """
    kind, _, name = text.partition(":")
    if kind not in ("header", "query"):
        return text in ("bearer", "basic")
    fits = 0 < len(name) <= LONGEST_NAME
    return fits and (kind == "query" or not header_faults({name: ""}, ""))


def given_auth(text: str, app: str, report: Report) -> JsonObject | None:
    """Return the auth that a text names; none for no text."""

    def secret(what: str) -> str:
        return report.need(secret_name(app, GIVEN, what), f"{what} of the auth that you named")

    kind, _, name = text.partition(":")
    match kind:
        case "bearer":
            return {"tag": GIVEN, "type": "bearer", "token": secret("token")}
        case "basic":
            password = secret("password")
            username = secret("username")
            return {"tag": GIVEN, "type": "basic", "username": username, "password": password}
        case "header" | "query":
            key = {"name": name, "location": kind, "value": secret("key")}
            return {"tag": GIVEN, "type": "api_key", **key}
        case _:
            return None
