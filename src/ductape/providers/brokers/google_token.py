"""Access tokens for Google's services, by a service account's key file (RFC 7523).

The assertion is signed here and exchanged through the guarded HTTP client: Google's own library
would fetch the token by a client that nobody guards.
"""

# pyright: reportUnknownMemberType=false
# google-auth has annotations for a part of what is called here only.

from urllib.parse import urlencode

import msgspec
from google.auth import crypt, jwt
from msgspec import Struct

from ductape.domain.answer import Answer, refuse_status
from ductape.errors import ProviderError
from ductape.ports.http import HttpRequest
from ductape.providers.brokers.link import Means

SCOPE = "https://www.googleapis.com/auth/pubsub"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_S = 3_600
EARLY_MS = 60_000
"""How long before its end a token is no longer used."""

_CALL_MS = 30_000
_REFUSED = frozenset({400, 401})


class _Account(Struct):
    """The part of a key file that is needed."""

    client_email: str
    private_key: str
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 (a place)
    private_key_id: str | None = None


class _Token(Struct):
    access_token: str
    expires_in: int = 3_600


class TokenSource:
    """Gives a token that is good for now."""

    def __init__(self, key_file: str, means: Means, *, allow_private: bool) -> None:
        """Read a key file; raises `ProviderError`."""
        try:
            self._account = msgspec.json.decode(key_file, type=_Account)
            self._signer = crypt.RSASigner.from_string(
                self._account.private_key, self._account.private_key_id
            )
        except (msgspec.DecodeError, ValueError) as error:
            text = "the credentials are no service account's key file"
            raise ProviderError("UNAUTHORIZED", text) from error
        self._means = means
        self._allow_private = allow_private
        self._token: str | None = None
        self._until_ms = 0

    async def current(self) -> str:
        """Return a token, fetched where the last one is about to end."""
        if self._token is None or self._means.clock.now_ms() >= self._until_ms:
            token = await self._fetched()
            self._token = token.access_token
            self._until_ms = self._means.clock.now_ms() + token.expires_in * 1000 - EARLY_MS
        return self._token

    def forget(self) -> None:
        """Use the last token no longer: it was refused."""
        self._token = None

    async def _fetched(self) -> _Token:
        response = await self._means.http.send(
            HttpRequest(
                method="POST",
                url=self._account.token_uri,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=urlencode({"grant_type": GRANT, "assertion": self._assertion()}).encode(),
                timeout_ms=_CALL_MS,
                allow_private=self._allow_private,
            )
        )
        if response.status in _REFUSED:
            text = "Google refused the service account of the credentials"
            raise ProviderError("UNAUTHORIZED", text)
        answer = Answer(response.status, response.headers, response.body)
        refuse_status(answer, asked="POST token", now_ms=self._means.clock.now_ms(), secrets=())
        try:
            return msgspec.json.decode(response.body, type=_Token)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProviderError("PROVIDER_ERROR", "Google answered with no token") from error

    def _assertion(self) -> str:
        now_s = self._means.clock.now_ms() // 1000
        claims = {
            "iss": self._account.client_email,
            "aud": self._account.token_uri,
            "scope": SCOPE,
            "iat": now_s,
            "exp": now_s + ASSERTION_S,
        }
        return jwt.encode(self._signer, claims).decode()
