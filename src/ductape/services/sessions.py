"""Sessions as callers ask for them: start, decrypt, refresh, revoke, users (SPEC 6).

Each verb takes one mapping with the wire names of SPEC 6 and refuses unknown, missing and wrong
keys, all at once. Instants are epoch milliseconds.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TypedDict, cast

from ductape.domain.found import kind_of
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.parsing.reading import Form, Shape, open_form
from ductape.domain.parsing.scalars import COUNT_MAX, integer, name, text
from ductape.errors import Fault, NotFound, SessionInvalid, ValidationError, fault
from ductape.ports.catalog import Catalog
from ductape.ports.sessions import SessionScope, TokenIssuer, TokenPair
from ductape.ports.stores.sessions import SessionRows, SessionUser

USERS_PAGE = 50
MOST_USERS_PAGE = 1_000


class SessionPair(TypedDict):
    """What `start` and `refresh` answer."""

    token: str
    refreshToken: str


class UserSeen(TypedDict):
    """One user of a kind of session."""

    identifier: str
    first_seen: int
    last_seen: int
    session_count: int


class UsersPage(TypedDict):
    """One page of users, latest seen first."""

    users: list[UserSeen]
    total: int
    page: int
    limit: int


class Sessions:
    """The door to sessions."""

    def __init__(self, catalog: Catalog, tokens: TokenIssuer, rows: SessionRows) -> None:
        self._catalog = catalog
        self._tokens = tokens
        self._rows = rows

    async def start(self, request: Mapping[str, object]) -> SessionPair:
        """Begin a session of `{product, env, tag, data}`.

        Raises `ValidationError` for the request or its data, `NotFound` for product, env or tag.
        """
        faults: list[Fault] = []
        form = _opened(request, _START, faults)
        where, data = _where(form), form.need("data", _data)
        scope = await self._scope(where, faults)
        return _pair(await self._tokens.start(scope, data))

    async def decrypt(self, request: Mapping[str, object]) -> JsonObject:
        """Return the data of `{product, env, tag, token}`.

        Raises `ValidationError`, `NotFound`, `SessionInvalid` or `SessionExpired`.
        """
        scope, token = await self._token(request, _TOKEN, "token")
        with _told_at("token"):
            return (await self._tokens.open(scope, token)).data

    async def refresh(self, request: Mapping[str, object]) -> SessionPair:
        """Replace the pair of `{product, env, tag, refreshToken}`.

        Repeated within 30 s it answers the same; reused later it revokes the session. Raises
        `ValidationError`, `NotFound`, `SessionInvalid` or `SessionExpired`.
        """
        scope, token = await self._token(request, _REFRESH, "refreshToken")
        with _told_at("refreshToken"):
            return _pair(await self._tokens.refresh(scope, token))

    async def revoke(self, request: Mapping[str, object]) -> None:
        """End the session of `{product, env, tag, token}`; either of its tokens will do.

        Raises `ValidationError`, `NotFound` or `SessionInvalid`.
        """
        scope, token = await self._token(request, _TOKEN, "token")
        with _told_at("token"):
            await self._tokens.revoke(scope, token)

    async def users(self, request: Mapping[str, object]) -> UsersPage:
        """List the users of `{product, session, env?, page?, limit?}`.

        `page` counts from 1; without `env`, users of all envs are listed together. Raises
        `ValidationError`, or `NotFound` for a product that was never applied.
        """
        faults: list[Fault] = []
        form = _opened(request, _USERS, faults)
        product, tag = form.need("product", name), form.need("session", name)
        env = form.take("env", name, None)
        page, limit = form.take("page", _PAGE, 1), form.take("limit", _LIMIT, USERS_PAGE)
        if faults:
            raise ValidationError(faults)
        await self._refuse_unknown(product)
        offset = (page - 1) * limit
        total, users = await self._rows.users(product, env, tag, limit=limit, offset=offset)
        return UsersPage(users=[_seen(one) for one in users], total=total, page=page, limit=limit)

    async def _refuse_unknown(self, product: str) -> None:
        try:
            await self._catalog.version(product)
        except NotFound as error:
            error.path = "product"
            raise

    async def _token(
        self, request: Mapping[str, object], shape: Shape, key: str
    ) -> tuple[SessionScope, str]:
        faults: list[Fault] = []
        form = _opened(request, shape, faults)
        where, token = _where(form), form.need(key, text)
        return await self._scope(where, faults), token

    async def _scope(self, where: tuple[str, str, str], faults: list[Fault]) -> SessionScope:
        if faults:
            raise ValidationError(faults)
        product, env, tag = where
        try:
            return SessionScope(product, env, await self._catalog.session(product, env, tag))
        except NotFound as error:  # here they have names of their own
            error.path = _OWN_NAMES.get(error.path or "", error.path)
            raise


_OWN_NAMES = {"product_tag": "product", "session.tag": "tag"}
"""The paths of a job's request → those of requests about sessions."""
_START = Shape(known=frozenset({"product", "env", "tag", "data"}))
_TOKEN = Shape(known=frozenset({"product", "env", "tag", "token"}))
_REFRESH = Shape(known=frozenset({"product", "env", "tag", "refreshToken"}))
_USERS = Shape(known=frozenset({"product", "session", "env", "page", "limit"}))
_PAGE = integer(1, COUNT_MAX // MOST_USERS_PAGE)
_LIMIT = integer(1, MOST_USERS_PAGE)


@contextmanager
def _told_at(path: str) -> Generator[None]:
    """Name in a refusal what of the request was refused."""
    try:
        yield
    except SessionInvalid as error:
        error.path = error.path or path
        raise


def _opened(request: Mapping[str, object], shape: Shape, faults: list[Fault]) -> Form:
    form = open_form(request, "", shape, faults)
    if form is None:
        raise ValidationError(faults)
    return form


def _where(form: Form) -> tuple[str, str, str]:
    return form.need("product", name), form.need("env", name), form.need("tag", name)


def _data(value: object, path: str, faults: list[Fault]) -> dict[str, object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    faults.append(fault(path, "an object", kind_of(value)))
    return {}


def _pair(pair: TokenPair) -> SessionPair:
    return SessionPair(token=pair.token, refreshToken=pair.refresh_token)


def _seen(user: SessionUser) -> UserSeen:
    return UserSeen(
        identifier=user.identifier,
        first_seen=user.first_seen_ms,
        last_seen=user.last_seen_ms,
        session_count=user.session_count,
    )
