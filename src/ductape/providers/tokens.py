"""Getting tokens from token URLs, over the guarded client (SPEC 9, 18; RFC 6749 and 7523).

A token is kept in memory until shortly before it ends. Whoever wants one that is being got already
waits for that answer, good or bad. A refresh token that the answer rotates is sealed at once in the
secret that the old one came from.
"""

from asyncio import Future, get_running_loop, shield
from typing import assert_never

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.http.answer import Answer
from ductape.domain.http.tokens import (
    AccountGrant,
    ClientGrant,
    ServiceAccount,
    Token,
    account_claims,
    account_request,
    client_request,
    read_account,
    read_token,
)
from ductape.errors import ProviderError
from ductape.ports.clock import Clock
from ductape.ports.http import HttpClient, HttpRequest
from ductape.ports.tokens import RenewableSecrets, TokenWish

_PATIENCE_MS = 30_000
"""For one answer of a token URL; the attempt's own deadline may be earlier."""

_MOST_BYTES = 65_536
_ALGORITHM = "RS256"

_Place = tuple[str, str, str]
"""A secret: its product, the env that it is looked for in, its name."""

_Renewal = tuple[str, str]
"""The old refresh token, and the one that replaces it."""

_Flight = Future[Token | ProviderError | None]
"""What becomes of a request for a token; none where whoever asked went away."""


class TokenKeeper:
    """`ports.tokens.Tokens` in the memory of one process."""

    def __init__(self, http: HttpClient, clock: Clock, secrets: RenewableSecrets) -> None:
        """Take what sends, what tells the time, and where rotated refresh tokens go."""
        self._http = http
        self._clock = clock
        self._secrets = secrets
        self._kept: dict[TokenWish, Token] = {}
        self._flights: dict[TokenWish, _Flight] = {}
        self._unsaved: dict[_Place, _Renewal] = {}

    async def get(self, wish: TokenWish) -> str:
        """Return a kept token, or the one that is being got, or a new one."""
        for place in [one for one in self._unsaved if one[:2] == (wish.product, wish.env)]:
            await self._save(place)
        while True:
            kept = self._kept.get(wish)
            if kept is not None and self._clock.now_ms() < kept.use_until_ms:
                return kept.text
            flight = self._flights.get(wish)
            if flight is None:
                return (await self._lead(wish)).text
            outcome = await shield(flight)
            if isinstance(outcome, ProviderError):
                raise outcome
            if outcome is not None:
                return outcome.text

    def drop(self, token: str) -> None:
        """Forget a token that was refused."""
        self._kept = {one: kept for one, kept in self._kept.items() if kept.text != token}

    async def _lead(self, wish: TokenWish) -> Token:
        """Get a token for all who want it; they get what becomes of it."""
        flight: _Flight = get_running_loop().create_future()
        self._flights[wish] = flight
        outcome: Token | ProviderError | None = None
        try:
            token = await self._got(wish)
        except ProviderError as error:
            outcome = error
            raise
        else:
            outcome = token
            return token
        finally:
            del self._flights[wish]
            flight.set_result(outcome)

    async def _got(self, wish: TokenWish) -> Token:
        match wish.grant:
            case ClientGrant():
                return await self._of_client(wish, wish.grant)
            case AccountGrant():
                return self._keep(wish, await self._of_account(wish, wish.grant))
            case _:
                assert_never(wish.grant)

    async def _of_client(self, wish: TokenWish, grant: ClientGrant) -> Token:
        try:
            token = await self._asked_for(wish, grant)
        except ProviderError as error:
            if error.details.get("error") != "invalid_grant":
                raise
            other = await self._rotated_elsewhere(wish, grant)
            if other is None:
                raise
            grant = replace(grant, refresh_token=other)
            token = await self._asked_for(wish, grant)
        self._keep(wish, token)
        await self._renew(wish, grant, token)
        return token

    async def _asked_for(self, wish: TokenWish, grant: ClientGrant) -> Token:
        headers, form = client_request(grant)
        asked = _Asked(grant.token_url, headers, form, grant.secrets)
        return await self._answer(wish, asked)

    async def _rotated_elsewhere(self, wish: TokenWish, grant: ClientGrant) -> str | None:
        """Return the refresh token that another process has got meanwhile."""
        if grant.refresh_secret is None:
            return None
        current = await self._secrets.reveal(wish.product, wish.env, grant.refresh_secret)
        return None if current == grant.refresh_token else current

    async def _renew(self, wish: TokenWish, grant: ClientGrant, token: Token) -> None:
        """Keep a rotated refresh token, for this process and for all others."""
        old, new, name = grant.refresh_token, token.refresh_token, grant.refresh_secret
        if old is None or new is None or name is None or old == new:
            return
        self._keep(replace(wish, grant=replace(grant, refresh_token=new)), token)
        place = (wish.product, wish.env, name)
        first, _ = self._unsaved.get(place, (old, new))
        self._unsaved[place] = (first, new)
        await self._save(place)

    async def _save(self, place: _Place) -> None:
        """Write a rotated refresh token down; what fails is tried again before the next token."""
        renewal = self._unsaved.get(place)
        if renewal is None:
            return
        old, new = renewal
        await self._secrets.renew(*place, old=old, new=new)
        if self._unsaved.get(place) == renewal:
            del self._unsaved[place]

    async def _of_account(self, wish: TokenWish, grant: AccountGrant) -> Token:
        account = read_account(grant.service_account)
        assertion = _signed(account, account_claims(account, grant, self._clock.now_ms()))
        asked = _Asked(
            account.token_uri,
            {},
            account_request(assertion),
            (assertion, account.private_key),
        )
        return await self._answer(wish, asked)

    async def _answer(self, wish: TokenWish, asked: "_Asked") -> Token:
        response = await self._http.send(
            HttpRequest(
                method="POST",
                url=asked.url,
                headers={
                    "Accept": "application/json",
                    "Content-Type": "application/x-www-form-urlencoded",
                    **asked.headers,
                },
                body=asked.form,
                timeout_ms=_PATIENCE_MS,
                allow_private=wish.allow_private,
                max_response_bytes=_MOST_BYTES,
            )
        )
        return read_token(
            Answer(response.status, response.headers, response.body),
            holder=wish.holder,
            now_ms=self._clock.now_ms(),
            secrets=asked.secrets,
        )

    def _keep(self, wish: TokenWish, token: Token) -> Token:
        now_ms = self._clock.now_ms()
        self._kept = {one: kept for one, kept in self._kept.items() if now_ms < kept.use_until_ms}
        self._kept[wish] = token
        return token


class _Asked(Struct, frozen=True):
    """One request to a token URL."""

    url: str
    headers: dict[str, str]
    form: bytes
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        """Keep the credentials out of every log and traceback."""
        return "_Asked(***)"


def _signed(account: ServiceAccount, claims: dict[str, str | int]) -> str:
    """Return the assertion of a service account; raises `ProviderError` for a key that is none."""
    header = {"alg": _ALGORITHM, "typ": "JWT"}
    if account.private_key_id is not None:
        header["kid"] = account.private_key_id
    try:
        key = RSAKey.import_key(account.private_key)
        return jwt.encode(header, dict(claims), key, algorithms=[_ALGORITHM])
    except (JoseError, ValueError, TypeError) as error:
        raise ProviderError(
            "UNAUTHORIZED",
            f"the private key of the service account {account.client_email} cannot sign",
            hint="the secret holds the account's key file whole, as JSON",
        ) from error
