"""Executes a function: by a registered Python handler, or by calling the URL that answers for it.

A cloud function gets the payload as a JSON body (GET: as a query), and what it answers is the
result: JSON, text, or base64. A call to AWS is signed; to Google it carries an identity token, got
anew once where it is refused (SPEC 9).
"""

import msgspec
from msgspec.structs import replace

from ductape.domain.definitions.function import FunctionAuth, FunctionTarget
from ductape.domain.found import kind_of
from ductape.domain.http.addresses import web_address
from ductape.domain.http.answer import (
    Answer,
    body_value,
    quoted,
    refuse_redirect,
    refuse_status,
)
from ductape.domain.http.aws import AwsKeys, Signable, sendable, signed_headers
from ductape.domain.http.parts import encode_body, merged_headers
from ductape.domain.http.tokens import AccountGrant
from ductape.domain.inputs.function import AS_A_QUERY, check_function
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.pairs import encoded, query_pairs
from ductape.errors import ProviderError, ValidationError, invalid
from ductape.ports.clock import Clock
from ductape.ports.handler import Handler, Invocation
from ductape.ports.http import HttpClient, HttpRequest, HttpResponse
from ductape.ports.tokens import Tokens, TokenWish, with_token

IDEMPOTENCY_HEADER = "Idempotency-Key"
FUNCTION_ERROR_HEADER = "x-amz-function-error"
"""By which Lambda tells that the code failed, with a status of 200."""

_UNAUTHORIZED = 401


class FunctionHandler:
    """`ports.handler.Handler` for the kind `function`."""

    def __init__(self, python: Handler, http: HttpClient, clock: Clock, tokens: Tokens) -> None:
        """Take what calls registered functions, and what calls URLs."""
        self._python = python
        self._http = http
        self._clock = clock
        self._tokens = tokens

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Call the function and return its result.

        Raises `ValidationError` before anything is sent, `ProviderError` for what came of it.
        """
        definition = invocation.target.definition
        if faults := check_function(definition, invocation.input, resolved=True):
            raise ValidationError(faults)
        if invocation.target.needs is not None:
            return await self._python(invocation)
        target = msgspec.convert(definition, FunctionTarget)
        call = _Call(self._http, self._clock, target, invocation)
        if target.auth is None or target.auth.type != "google":
            response = await call.send(target.auth)
        else:
            response = await self._as_google(call, target.auth)
        return _result(response, call.asked, self._clock.now_ms(), call.secrets)

    async def _as_google(self, call: "_Call", auth: FunctionAuth) -> HttpResponse:
        target, invocation = call.target, call.invocation
        wish = TokenWish(
            product=invocation.product,
            env=invocation.env,
            holder=f"function `{invocation.target.event}`",
            grant=AccountGrant(auth.service_account, audience=auth.audience or target.url),
            allow_private=target.allow_private,
        )
        return await with_token(
            self._tokens,
            wish,
            lambda token: call.send(FunctionAuth(type="bearer", token=token)),
            refused=lambda response: response.status == _UNAUTHORIZED,
            hide=invocation.engine.hide,
        )


class _Call:
    """One call of a function behind a URL."""

    def __init__(
        self, http: HttpClient, clock: Clock, target: FunctionTarget, invocation: Invocation
    ) -> None:
        self._http = http
        self._clock = clock
        self.target = target
        self.invocation = invocation
        self.secrets: tuple[str, ...] = ()
        self.asked = f"{target.method} {_host_of(target.url)}"
        """As errors name it: the host alone, since a function's URL may be a secret in itself."""

    async def send(self, auth: FunctionAuth | None) -> HttpResponse:
        """Send the payload."""
        request = self._request()
        if auth is not None:
            shown = _credentials(auth, request, self._clock.now_ms())
            request = replace(request, headers=merged_headers(request.headers, shown))
            self.secrets = tuple(one for one in _secrets(auth) if one)
        return await self._http.send(request)

    def _request(self) -> HttpRequest:
        target, context = self.target, self.invocation.context
        payload = self.invocation.input.get("payload")
        by_query = target.method == "GET"
        body, mime = encode_body(None if by_query else payload, "json")
        ours = {IDEMPOTENCY_HEADER: context.idempotency_key}
        if body:
            ours["Content-Type"] = mime
        left_ms = max(context.deadline_ms - self._clock.now_ms(), 1)
        return HttpRequest(
            method=target.method,
            url=sendable(_with_payload(target.url, payload) if by_query else target.url),
            headers=merged_headers(ours, target.headers, path="definition.headers"),
            body=body,
            timeout_ms=left_ms if target.timeout_ms is None else min(left_ms, target.timeout_ms),
            allow_private=target.allow_private,
            max_response_bytes=target.max_response_bytes,
        )


def _host_of(url: str) -> str:
    """Return a URL's host; raises `ProviderError` where it is no web address."""
    parts = web_address(url)
    if parts is None:
        raise ProviderError("VALIDATION_ERROR", "the function's URL is no http or https address")
    return parts.hostname or ""


def _with_payload(url: str, payload: JsonValue) -> str:
    if payload is None:
        return url
    if not isinstance(payload, dict):
        raise invalid("input.payload", AS_A_QUERY, kind_of(payload))
    query = encoded(query_pairs(payload))
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _credentials(auth: FunctionAuth, request: HttpRequest, now_ms: int) -> dict[str, str]:
    if auth.type != "aws":
        return {"Authorization": f"Bearer {auth.token}"}
    keys = AwsKeys(
        auth.access_key_id,
        auth.secret_access_key,
        auth.region,
        auth.service,
        auth.session_token,
    )
    typed = {name: value for name, value in request.headers.items() if name == "Content-Type"}
    return signed_headers(Signable(request.method, request.url, request.body, typed), keys, now_ms)


def _secrets(auth: FunctionAuth) -> tuple[str | None, ...]:
    return (auth.token, auth.secret_access_key, auth.session_token)


def _result(response: HttpResponse, asked: str, now_ms: int, secrets: tuple[str, ...]) -> JsonValue:
    answer = Answer(response.status, response.headers, response.body)
    refuse_status(answer, asked=asked, now_ms=now_ms, secrets=secrets)
    refuse_redirect(response.status, asked=asked)
    error = response.headers.get(FUNCTION_ERROR_HEADER)
    if error is not None:
        raise ProviderError(
            "PROVIDER_ERROR",
            f"the function failed: {quoted(error.encode(), secrets)}",
            details={"status": response.status, "body": quoted(response.body, secrets)},
        )
    return body_value(response.headers, response.body)
