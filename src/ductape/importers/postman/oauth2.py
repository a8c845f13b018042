"""Postman's OAuth 2 as an app's auth: a client's own credentials, or a token that somebody got.

What asks a person becomes that person's token, sent as Postman would send it.
"""

import json
from collections.abc import Callable
from typing import cast

from msgspec import Struct

from ductape.domain.http.parts import header_faults
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.openapi.servers import joined_url
from ductape.importers.postman.fields import Fields
from ductape.importers.sealing import escaped
from ductape.importers.values import a_list, a_text, as_written, member

_USUAL = "Bearer"
_NO_URL = "its token URL is no absolute URL in every env: give what it lacks with `--var`"


class OAuth2(Struct, frozen=True):
    """One auth's settings, and what makes values of them."""

    given: dict[str, str]
    fields: Fields
    secret: Callable[[str], str]
    """Setting → the reference to the secret that it is."""
    tell: Callable[[str], None]
    """Tells what is not imported."""

    def made(self) -> JsonObject | str:
        """Return the auth, or why there is none."""
        own = self.given.get("grant_type") == "client_credentials"
        return self._client() if own and not self.given.get("accessToken") else self._token()

    def _token(self) -> JsonObject | str:
        """Return the auth that sends a token as it is."""
        if not self.given.get("accessToken"):
            grant = self.given.get("grant_type") or "authorization_code"
            self.tell(f"`{grant[:40]}` asks a person: get a token and store it as its secret")
        token = self.secret("accessToken")
        if self.given.get("addTokenTo") == "queryParams":
            return {"type": "api_key", "name": "access_token", "location": "query", "value": token}
        prefix = self._prefix()
        if prefix == _USUAL:
            return {"type": "bearer", "token": token}
        if header_faults({"Authorization": prefix}, ""):
            return "no header can have its `headerPrefix`"
        value = f"{escaped(prefix)} {token}".strip()
        return {"type": "api_key", "name": "Authorization", "location": "header", "value": value}

    def _client(self) -> JsonObject | str:
        """Return the flow of a client's own credentials."""
        envs = self.fields.options.envs
        filled = [self._filled("accessTokenUrl", env) for env in envs]
        urls = [escaped(url) for one in filled if (url := joined_url(one, "")) is not None]
        if len(urls) < len(envs):
            return _NO_URL
        auth: JsonObject = {
            "type": "oauth2",
            "grant": "client_credentials",
            "token_url": urls[0],
            "client_id": self.secret("clientId"),
            "client_secret": self.secret("clientSecret"),
        }
        if self.given.get("client_authentication") == "body":
            auth["auth_style"] = "body"
        auth |= self._wishes()
        self._tell_rest()
        each = zip(envs, urls, strict=True)
        elsewhere: list[JsonValue] = [
            {"slug": env, "token_url": url} for env, url in each if url != urls[0]
        ]
        return {**auth, "envs": elsewhere} if elsewhere else auth

    def _wishes(self) -> JsonObject:
        """Return what a token is asked for: scope and audience."""
        wishes: JsonObject = {}
        for name in ("scope", "audience"):
            if not self.given.get(name):
                continue
            values = {self._filled(name, env) for env in self.fields.options.envs}
            value = values.pop()
            if value and not values:
                wishes[name] = escaped(value)
            else:
                self.tell(f"its `{name}` has no value, or not the same in every env")
        for one in self._params():
            name, value = a_text(member(one, "key")), as_written(member(one, "value"))
            body = member(one, "send_as") in (None, "request_body")
            if name in ("scope", "audience") and body and value and "{{" not in value:
                wishes[name] = escaped(value)
            else:
                self.tell(f"its token URL is not sent `{name[:80]}`")
        return wishes

    def _tell_rest(self) -> None:
        """Tell how Postman sends the token, or asks for it, where an app does not."""
        if self.given.get("addTokenTo") == "queryParams":
            self.tell("its token is sent in a header, not in the query")
        elif self._prefix() != _USUAL:
            self.tell(f"its token is sent behind `{_USUAL}`, not behind its `headerPrefix`")
        if self.given.get("resource"):
            self.tell("its token URL is not sent `resource`")

    def _params(self) -> list[JsonValue]:
        """Return what else the token URL is sent."""
        written = self.given.get("tokenRequestParams") or "[]"
        try:
            listed = a_list(cast("JsonValue", json.loads(written)))
        except (ValueError, RecursionError):
            return []
        return [one for one in listed if member(one, "enabled") is not False]

    def _prefix(self) -> str:
        """Return the word before the token in its header; it may be empty."""
        prefix = self.given.get("headerPrefix", _USUAL)
        env = self.fields.options.envs[0]
        return (self.fields.variables.filled(prefix, env) or prefix).strip()

    def _filled(self, name: str, env: str) -> str:
        return self.fields.variables.filled(self.given.get(name, ""), env) or ""
