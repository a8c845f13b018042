"""Executes an app's action: one HTTP request, guarded, answered as `{status, headers, body}`.

The caller's headers win over the app's auth, which wins over the definition's headers; the
definition's path parameters, query and body are defaults, field by field. A status outside 200 to
399 fails the attempt with its code (SPEC 9 and 12), and so does a redirection that could not be
followed.
"""

from msgspec.structs import replace

from ductape.domain.definitions.action import ActionTarget, ContentType
from ductape.domain.definitions.auth import Auth
from ductape.domain.definitions.reading import Reading
from ductape.domain.found import MASK
from ductape.domain.http.answer import Answer, body_value, refuse_moved, refuse_status
from ductape.domain.http.multipart import FORM, Parts
from ductape.domain.http.parts import (
    Credentials,
    credentials,
    encode_body,
    fill_path,
    merged_headers,
)
from ductape.domain.http.styled import cookies_of, styled_headers, with_cookies
from ductape.domain.http.tokens import client_grant
from ductape.domain.inputs.action import merged_body, read_action_input
from ductape.domain.inputs.parts import RequestParts
from ductape.domain.inputs.unique import with_unique
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.pairs import Pairs, query_pairs
from ductape.ports.clock import Clock
from ductape.ports.handler import Invocation
from ductape.ports.http import Headers, HttpClient, HttpRequest, HttpResponse
from ductape.ports.tokens import Tokens, TokenWish, with_token

IDEMPOTENCY_HEADER = "Idempotency-Key"
UNAUTHORIZED = 401

_ACCEPT = "application/json, */*;q=0.5"
_MASKED = frozenset(
    {
        "authentication-info",
        "authorization",
        "proxy-authorization",
        "set-cookie",
        "set-cookie2",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
    }
)
"""Headers of an answer that open something: no result shows them."""


class ActionHandler:
    """`ports.handler.Handler` for the kind `action`."""

    def __init__(self, http: HttpClient, clock: Clock, tokens: Tokens) -> None:
        """Take the guarded client, what dates in `Retry-After` are read by, and OAuth2 tokens."""
        self._http = http
        self._clock = clock
        self._tokens = tokens
        self._definitions = Reading(ActionTarget)

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Send the request and return `{status, headers, body}`.

        Raises `ProviderError` for what came of it.
        """
        target = self._definitions.of(invocation.target)
        response, auth = await self._answered(target, invocation)
        answer = Answer(response.status, response.headers, response.body)
        asked = f"{target.method} {target.resource.partition('?')[0]}"
        now_ms = self._clock.now_ms()
        refuse_status(answer, asked=asked, now_ms=now_ms, secrets=auth.secrets)
        refuse_moved(answer, asked=asked, secrets=auth.secrets)
        return _result(response)

    async def _answered(
        self, target: ActionTarget, invocation: Invocation
    ) -> tuple[HttpResponse, Credentials]:
        """Send the request; with OAuth2 once more, with a new token, where the app refuses one."""

        async def send(auth: Auth | None) -> tuple[HttpResponse, Credentials]:
            shown = credentials(auth)
            request = _request(target, shown, invocation, self._clock.now_ms())
            return await self._http.send(request), shown

        auth = target.auth
        if auth is None or auth.type != "oauth2":
            return await send(auth)
        return await with_token(
            self._tokens,
            _wish(target, auth, invocation),
            lambda token: send(replace(auth, token=token)),
            refused=lambda sent: sent[0].status == UNAUTHORIZED,
            hide=invocation.engine.hide,
        )


def _wish(target: ActionTarget, auth: Auth, invocation: Invocation) -> TokenWish:
    return TokenWish(
        product=invocation.product,
        env=invocation.env,
        holder=f"auth `{auth.tag}` of app `{invocation.target.app}`",
        grant=client_grant(auth),
        allow_private=target.allow_private,
    )


def _request(
    target: ActionTarget, auth: Credentials, invocation: Invocation, now_ms: int
) -> HttpRequest:
    context = invocation.context
    given = read_action_input(invocation.input)
    target, parts = with_unique(target, given, context.idempotency_key)
    whole = merged_body(target.body, parts.body)
    words = Parts(_parts_mime(target.headers), target.part_types)
    body, mime = encode_body(whole, target.content_type, target.styles, words, target.reserved)
    ours = {IDEMPOTENCY_HEADER: context.idempotency_key, "Accept": _ACCEPT}
    first, said, last = _types(target.content_type, whole, mime if body else None)
    return HttpRequest(
        method=target.method,
        url=_url(target, parts),
        headers=with_cookies(
            merged_headers(
                ours,
                first,
                target.headers,
                auth.headers,
                said,
                styled_headers(parts.headers, target.styles),
                last,
            ),
            cookies_of(parts.headers, target.styles),
        ),
        query=_query(target, parts) + auth.query,
        body=body,
        timeout_ms=max(context.deadline_ms - now_ms, 1),
        allow_private=target.allow_private,
        max_response_bytes=target.max_response_bytes,
        resends=True,
    )


def _types(
    content_type: ContentType, body: JsonValue, mime: str | None
) -> tuple[Headers, Headers, Headers]:
    """Return `Content-Type` as weak as the usual one, as strong as an input's, or above all."""
    told: Headers = {} if mime is None else {"Content-Type": mime}
    unsaid: Headers = {}
    match content_type:
        case "multipart":
            return unsaid, unsaid, told  # only we know what stands between the parts
        case "file" if isinstance(body, dict) and body.get("mimeType") is not None:
            return unsaid, told, unsaid
        case _:
            return told, unsaid, unsaid


def _parts_mime(headers: Headers) -> str:
    """Return what a body of several parts is called: as the action's own headers say."""
    told = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    bare = told.partition(";")[0].strip().lower()
    return bare if bare.startswith("multipart/") else FORM


def _query(target: ActionTarget, parts: RequestParts) -> Pairs:
    values = target.query | parts.query
    return query_pairs(values, target.styles, reserved=target.reserved)


def _url(target: ActionTarget, parts: RequestParts) -> str:
    base, resource = target.base_url.rstrip("/"), target.resource
    if not resource:
        return base
    rooted = resource if resource.startswith("/") else f"/{resource}"
    return base + fill_path(rooted, target.params | parts.params, styles=target.styles)


def _result(response: HttpResponse) -> JsonValue:
    headers: dict[str, JsonValue] = {
        name: MASK if name in _MASKED else value for name, value in response.headers.items()
    }
    return {
        "status": response.status,
        "headers": headers,
        "body": body_value(response.headers, response.body),
    }
