"""A token URL on loopback: OAuth2 as RFC 6749 has it, and Google's for service accounts (RFC 7523).

It checks what it is sent: credentials by basic auth or in the form, refresh tokens that it gave out
itself, assertions by the account's public key.
"""

import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import parse_qs, unquote_plus

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tests.servers.http import Receiver, serving

CLIENT = ("client-1", "client-s3cret/+")
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EMAIL = "robot@project.example"


@cache
def account_keys() -> tuple[str, str]:
    """Return the private and the public key of the service account, as PEM."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def key_file(token_uri: str) -> str:
    """Return a service account's key file as Google hands it out."""
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "project-1",
            "private_key_id": "key-1",
            "private_key": account_keys()[0],
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": token_uri,
        }
    )


@dataclass
class TokenUrl(Receiver):
    """Gives tokens out, numbered from 1; every one it gave is good until it is taken back."""

    good: set[str] = field(default_factory=set[str])
    refresh: set[str] = field(default_factory=lambda: {"refresh-0"})
    """The refresh tokens that are good."""
    rotates: bool = False
    expires_in: object = 3_600
    claims: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    """Of every assertion that was right."""
    given: int = 0

    @property
    def token_url(self) -> str:
        """Where tokens are got."""
        return f"{self.url}/token"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Record the request and answer as a token URL does, unless told otherwise."""
        if not self.answers:
            form = {name: one[0] for name, one in parse_qs((await request.read()).decode()).items()}
            self.answers.append(self._answer(request, form))
        return await super().handle(request)

    def _answer(self, request: web.Request, form: dict[str, str]) -> web.Response:
        if form.get("grant_type") == JWT_BEARER:
            return self._of_account(form.get("assertion", ""))
        if _client_of(request, form) != CLIENT:
            return _no("invalid_client", 401)
        match form.get("grant_type"):
            case "client_credentials":
                return self._give({})
            case "refresh_token" if form.get("refresh_token") in self.refresh:
                return self._give(self._rotated())
            case "refresh_token":
                return _no("invalid_grant", 400)
            case _:
                return _no("unsupported_grant_type", 400)

    def _rotated(self) -> dict[str, object]:
        if not self.rotates:
            return {}
        self.refresh = {f"refresh-{self.given + 1}"}
        return {"refresh_token": f"refresh-{self.given + 1}"}

    def _of_account(self, assertion: str) -> web.Response:
        try:
            key = RSAKey.import_key(account_keys()[1])
            token = jwt.decode(assertion, key, algorithms=["RS256"])
        except (JoseError, ValueError):
            return _no("invalid_grant", 400)
        claims = token.claims
        if claims["aud"] != self.token_url or claims["iss"] != EMAIL:
            return _no("invalid_grant", 400)
        self.claims.append(claims)
        if "target_audience" in claims:
            self.given += 1
            self.good.add(f"token-{self.given}")
            return web.json_response({"id_token": f"token-{self.given}"})
        return self._give({})

    def _give(self, more: dict[str, object]) -> web.Response:
        self.given += 1
        text = f"token-{self.given}"
        self.good.add(text)
        life = {} if self.expires_in is None else {"expires_in": self.expires_in}
        body = {"access_token": text, "token_type": "Bearer", **life, **more}
        return web.json_response(body)


def _client_of(request: web.Request, form: dict[str, str]) -> tuple[str, str]:
    scheme, _, coded = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        name, _, secret = b64decode(coded).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _no(error: str, status: int) -> web.Response:
    return web.json_response({"error": error, "error_description": "no"}, status=status)


@asynccontextmanager
async def token_url() -> AsyncIterator[TokenUrl]:
    """Run a token URL on a free port."""
    async with serving(TokenUrl()) as running:
        yield running
