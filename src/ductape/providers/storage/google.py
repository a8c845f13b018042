"""Access tokens for Google Cloud Storage, asked for with a service account's own key.

The library could do that too, but it would take a token of the host's environment instead if there
is one. Instants are epoch milliseconds.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypedDict
from urllib.parse import urlencode

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from msgspec import Struct

from ductape.domain.answer import Answer, refuse_status
from ductape.errors import ProviderError
from ductape.ports.clock import Clock
from ductape.ports.http import HttpClient, HttpRequest

SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 (where tokens are had)
ASKED_FOR_S = 3_600
EARLY_MS = 60_000
"""How long before its end a token is not used any more."""


class ServiceAccount(Struct, frozen=True):
    """The JSON that Google hands out, as far as it is needed."""

    client_email: str
    private_key: str
    private_key_id: str = ""
    token_uri: str = TOKEN_URL

    def __repr__(self) -> str:
        """Keep the key out of every log and traceback."""
        return f"ServiceAccount({self.client_email!r})"


class Granted(Struct, frozen=True):
    """What the token endpoint answers."""

    access_token: str
    expires_in: int = ASKED_FOR_S


class Credential(TypedDict):
    """A token as the library takes it."""

    token: str
    expires_at: datetime | None


Tokens = Callable[[], Awaitable[Credential]]


def google_tokens(key: str, http: HttpClient, clock: Clock, *, allow_private: bool) -> Tokens:
    """Make what fetches tokens for an account; raises `ValueError` for a key that is none."""
    account = msgspec.json.decode(key, type=ServiceAccount)
    signer = RSAKey.import_key(account.private_key)

    async def fetch() -> Credential:
        now_ms = clock.now_ms()
        assertion = _claim(account, signer, now_ms)
        request = HttpRequest(
            method="POST",
            url=account.token_uri,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode({"grant_type": GRANT, "assertion": assertion}).encode(),
            timeout_ms=30_000,
            allow_private=allow_private,
        )
        response = await http.send(request)
        granted = _granted(Answer(response.status, response.headers, response.body), now_ms)
        until_ms = now_ms + granted.expires_in * 1_000 - EARLY_MS
        expires = datetime.fromtimestamp(until_ms / 1_000, UTC)
        return {"token": granted.access_token, "expires_at": expires}

    return fetch


def _claim(account: ServiceAccount, signer: RSAKey, now_ms: int) -> str:
    now = now_ms // 1_000
    claims = {
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": account.token_uri,
        "iat": now,
        "exp": now + ASKED_FOR_S,
    }
    header = {"alg": "RS256", "typ": "JWT", "kid": account.private_key_id}
    try:
        return jwt.encode(header, claims, signer)
    except JoseError:
        message = "the service account's key cannot sign"
        raise ProviderError("VALIDATION_ERROR", message) from None  # it may quote the key


def _granted(answer: Answer, now_ms: int) -> Granted:
    if answer.status in {400, 401}:
        message = f"Google gave no token for the service account ({answer.status})"
        raise ProviderError("UNAUTHORIZED", message)
    refuse_status(answer, asked="Google's token endpoint", now_ms=now_ms)
    try:
        return msgspec.json.decode(answer.body, type=Granted)
    except msgspec.DecodeError as error:
        message = "Google's token endpoint answered something else than a token"
        raise ProviderError("PROVIDER_ERROR", message) from error
