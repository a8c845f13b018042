"""Getting a token from a token URL: what is asked, what the answer means (RFC 6749, RFC 7523).

Pure: what signs and sends is `providers.tokens`. Instants are epoch milliseconds.
"""

from base64 import b64encode, urlsafe_b64decode
from typing import Literal
from urllib.parse import quote_plus, urlencode

import msgspec
from msgspec import Struct

from ductape.domain.definitions.auth import Auth
from ductape.domain.http.answer import (
    Answer,
    quoted,
    refuse_redirect,
    refuse_status,
    retry_after_ms,
)
from ductape.domain.jsonvalue import UNREADABLE
from ductape.errors import ProviderError

GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address, no password)
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_LIFE_S = 3_600
"""The longest that Google takes."""

UNTOLD_LIFE_MS = 300_000
"""How long a token is kept whose life the answer does not tell."""

_MARGIN_MS = 60_000
"""A token is not used so shortly before its end, nor in the last tenth of its life."""

_LONGEST_LIFE_MS = 30 * 86_400_000

_CODES = {
    "access_denied": "FORBIDDEN",
    "invalid_client": "UNAUTHORIZED",
    "invalid_grant": "UNAUTHORIZED",
    "invalid_request": "VALIDATION_ERROR",
    "invalid_scope": "VALIDATION_ERROR",
    "invalid_target": "VALIDATION_ERROR",
    "server_error": "PROVIDER_ERROR",
    "slow_down": "RATE_LIMITED",
    "temporarily_unavailable": "SERVICE_UNAVAILABLE",
    "unauthorized_client": "FORBIDDEN",
    "unsupported_grant_type": "VALIDATION_ERROR",
}


class ClientGrant(Struct, frozen=True):
    """An OAuth2 client's: by its own credentials, or by a refresh token."""

    token_url: str
    client_id: str
    client_secret: str = ""
    """Empty for a public client."""
    kind: Literal["client_credentials", "refresh_token"] = "client_credentials"
    scope: str | None = None
    audience: str | None = None
    refresh_token: str | None = None
    refresh_secret: str | None = None
    """The name of the secret that the refresh token came from."""
    auth_style: Literal["header", "body"] = "header"

    def __repr__(self) -> str:
        """Keep the credentials out of every log and traceback."""
        return f"ClientGrant(kind={self.kind!r})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no error may show."""
        return tuple(one for one in (self.client_secret, self.refresh_token) if one)


class AccountGrant(Struct, frozen=True):
    """A Google service account's, by its key file: an access token, or one that tells who calls."""

    service_account: str
    """The key file, as JSON."""
    scope: str | None = None
    audience: str | None = None
    """Given, the token is an identity token for it."""

    def __repr__(self) -> str:
        """Keep the key out of every log and traceback."""
        return f"AccountGrant(scope={self.scope!r}, audience={self.audience!r})"


class ServiceAccount(Struct, frozen=True):
    """What is needed of a key file."""

    client_email: str
    private_key: str
    """PEM."""
    private_key_id: str | None = None
    token_uri: str = GOOGLE_TOKEN_URL

    def __repr__(self) -> str:
        """Keep the key out of every log and traceback."""
        return f"ServiceAccount({self.client_email!r})"


class Token(Struct, frozen=True):
    """A token, and how long it may be used."""

    text: str
    use_until_ms: int
    refresh_token: str | None = None
    """What replaces the refresh token, where it was rotated."""

    def __repr__(self) -> str:
        """Keep the token out of every log and traceback."""
        return f"Token(use_until_ms={self.use_until_ms})"


class _Answered(Struct, frozen=True):
    access_token: str | None = None
    id_token: str | None = None
    expires_in: float | str | None = None
    refresh_token: str | None = None


class _Refused(Struct, frozen=True):
    error: str = ""
    error_description: str = ""


class _Claims(Struct, frozen=True):
    exp: float | None = None


def client_grant(auth: Auth) -> ClientGrant:
    """Make the grant of an app's OAuth2 auth."""
    return ClientGrant(
        token_url=auth.token_url or "",
        client_id=auth.client_id or "",
        client_secret=auth.client_secret or "",
        kind=auth.grant,
        scope=auth.scope,
        audience=auth.audience,
        refresh_token=auth.refresh_token,
        refresh_secret=auth.refresh_secret,
        auth_style=auth.auth_style,
    )


def client_request(grant: ClientGrant) -> tuple[dict[str, str], bytes]:
    """Return the headers and the form that ask for a client's token.

    >>> grant = ClientGrant("https://id.example", "me", "s3cret", auth_style="body")
    >>> client_request(grant)[1]
    b'grant_type=client_credentials&client_id=me&client_secret=s3cret'
    """
    form = {"grant_type": grant.kind}
    if grant.kind == "refresh_token":
        form["refresh_token"] = grant.refresh_token or ""
    wishes = {"scope": grant.scope, "audience": grant.audience}
    form |= {name: value for name, value in wishes.items() if value}
    headers: dict[str, str] = {}
    if grant.client_secret and grant.auth_style == "header":
        # Both are form-encoded before they are joined (RFC 6749, 2.3.1).
        pair = f"{quote_plus(grant.client_id)}:{quote_plus(grant.client_secret)}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    else:
        form["client_id"] = grant.client_id
        form |= {"client_secret": grant.client_secret} if grant.client_secret else {}
    return headers, urlencode(form).encode()


def read_account(text: str) -> ServiceAccount:
    """Read a service account's key file; raises `ProviderError` with `UNAUTHORIZED`."""
    try:
        return msgspec.json.decode(text, type=ServiceAccount)
    except msgspec.DecodeError as error:
        # Its own words would quote the file.
        raise ProviderError(
            "UNAUTHORIZED",
            "the service account cannot be read",
            hint="the secret holds the account's key file whole, as JSON",
        ) from error


def account_claims(
    account: ServiceAccount, grant: AccountGrant, now_ms: int
) -> dict[str, str | int]:
    """Return what a service account's assertion says."""
    now_s = now_ms // 1_000
    wish = {"target_audience": grant.audience} if grant.audience else {"scope": grant.scope or ""}
    return {
        "iss": account.client_email,
        "sub": account.client_email,
        "aud": account.token_uri,
        "iat": now_s,
        "exp": now_s + JWT_LIFE_S,
        **wish,
    }


def account_request(assertion: str) -> bytes:
    """Return the form that asks for a service account's token."""
    return urlencode({"grant_type": JWT_BEARER, "assertion": assertion}).encode()


def read_token(answer: Answer, *, holder: str, now_ms: int, secrets: tuple[str, ...]) -> Token:
    """Return the token of an answer; raises `ProviderError` for every other answer.

    `holder` says in errors whose token it is.
    """
    asked = f"the token URL of {holder}"
    _refuse(answer, asked, now_ms, secrets)
    try:
        answered = msgspec.json.decode(answer.body, type=_Answered)
    except UNREADABLE as error:
        raise ProviderError("PROVIDER_ERROR", f"{asked} gave an answer that is no token") from error
    text = answered.access_token or answered.id_token
    if not text or any(sign <= " " or sign > "~" for sign in text):
        raise ProviderError("PROVIDER_ERROR", f"{asked} gave an answer without a token")
    life_ms = _life_ms(answered.expires_in)
    if life_ms is None:
        life_ms = _life_told_inside(text, now_ms)
    margin_ms = min(_MARGIN_MS, life_ms // 10)
    return Token(text, now_ms + life_ms - margin_ms, answered.refresh_token)


def _refuse(answer: Answer, asked: str, now_ms: int, secrets: tuple[str, ...]) -> None:
    try:
        refused = msgspec.json.decode(answer.body, type=_Refused)
    except UNREADABLE:
        refused = _Refused()
    code = _CODES.get(refused.error)
    if code is not None:
        said = quoted(f"{refused.error} {refused.error_description}".strip().encode(), secrets)
        raise ProviderError(
            code,
            f"{asked} refused: {said}",
            retry_after_ms=retry_after_ms(answer.headers, now_ms),
            details={"status": answer.status, "error": refused.error},
        )
    refuse_status(answer, asked=asked, now_ms=now_ms, secrets=secrets)
    refuse_redirect(answer.status, asked=asked)


def _life_ms(expires_in: float | str | None) -> int | None:
    try:
        life_ms = int(float(expires_in) * 1_000) if expires_in is not None else None
    except (ValueError, OverflowError):
        return None
    return None if life_ms is None else min(max(life_ms, 0), _LONGEST_LIFE_MS)


def _life_told_inside(text: str, now_ms: int) -> int:
    """Read how long a token lives from itself, if it is a JWT; nobody trusts more than that."""
    body = text.split(".")[1] if text.count(".") == 2 else ""  # noqa: PLR2004 (a JWT's three parts)
    try:
        claims = msgspec.json.decode(urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=_Claims)
    except (ValueError, RecursionError):
        return UNTOLD_LIFE_MS
    if claims.exp is None:
        return UNTOLD_LIFE_MS
    return min(max(int(claims.exp * 1_000) - now_ms, 0), _LONGEST_LIFE_MS)
