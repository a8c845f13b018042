"""Executes a notification: every channel that the input asks for, each at most once a success.

What is sent is settled before the first channel is tried. A channel's success is checkpointed at
once; a retry sends only what has not succeeded. A channel that fails does not keep the others
from being tried (SPEC 5 and 9, issue 3 item 12).
"""

from typing import assert_never

import msgspec

from ductape.domain.definitions.notification import NotificationTarget
from ductape.domain.inputs.notification import Channel
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.retry import NEVER_RETRIED
from ductape.errors import ProviderError, invalid
from ductape.handlers.notification.channels import (
    Sending,
    send_callback,
    send_email,
    send_push,
    sent,
)
from ductape.handlers.notification.compose import Composed, compose
from ductape.ports.clock import Clock
from ductape.ports.handler import Context, Invocation
from ductape.ports.http import HttpClient
from ductape.ports.mail import Mailer

__all__ = ["NotificationHandler"]


class NotificationHandler:
    """`ports.handler.Handler` for the kind `notification`."""

    def __init__(self, http: HttpClient, mailer: Mailer, clock: Clock) -> None:
        """Take what the channels send with."""
        self._http = http
        self._mailer = mailer
        self._clock = clock

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Send on every channel and return `{channel: {status: "sent", provider_id}}`.

        Raises `ValidationError` before anything is sent, else the `ProviderError` of a channel
        that failed: one that may be tried again, if there is such a one.
        """
        composed = compose(invocation)
        target = msgspec.convert(invocation.target.definition, NotificationTarget)
        sending = Sending(
            http=self._http,
            mailer=self._mailer,
            clock=self._clock,
            context=invocation.context,
            allow_private=target.allow_private,
        )
        done = _done_before(invocation.context)
        failures: dict[Channel, ProviderError] = {}
        for channel in composed.channels:
            if channel in done:
                continue
            try:
                done[channel] = sent(await _send(channel, sending, target, composed))
            except ProviderError as error:
                failures[channel] = error
            else:
                await invocation.context.checkpoint({"sent": dict(done)})
        if failures:
            raise _failed(failures, done)
        return {channel: done[channel] for channel in composed.channels}


async def _send(
    channel: Channel, sending: Sending, target: NotificationTarget, composed: Composed
) -> str | None:
    match channel:
        case "push_notification":
            if target.push and composed.push:
                return await send_push(sending, target.push, composed.push)
        case "email":
            if target.email and composed.email:
                return await send_email(sending, target.email, composed.email)
        case "callback":
            if target.callback and composed.callback:
                return await send_callback(sending, target.callback, composed.callback)
        case _:
            assert_never(channel)
    raise invalid(f"input.{channel}", "a channel with content and a provider", "one without")


def _done_before(context: Context) -> JsonObject:
    """Return the results of the channels that an earlier attempt succeeded on."""
    match context.last_checkpoint:
        case {"sent": dict(done)}:
            return dict(done)
        case _:
            return {}


def _failed(failures: dict[Channel, ProviderError], done: JsonObject) -> ProviderError:
    """Join the failures into one error; its code is that of one worth another attempt, if any."""
    errors = list(failures.values())
    lasting = [one for one in errors if one.provider_code in NEVER_RETRIED]
    worth_another = [one for one in errors if one not in lasting]
    chosen = (worth_another or lasting)[0]
    waits = [one.retry_after_ms for one in worth_another if one.retry_after_ms is not None]
    return ProviderError(
        chosen.provider_code,
        "; ".join(f"{channel}: {error.message}" for channel, error in failures.items()),
        retry_after_ms=max(waits, default=None),
        details={
            "sent": sorted(done),
            "failed": {
                channel: {"code": error.provider_code, **error.details}
                for channel, error in failures.items()
            },
        },
        hint=chosen.hint,
    )
