"""Executes a notification: every channel that the input asks for, each at most once a success.

What is sent is settled before the first channel is tried. A channel's success is checkpointed at
once; a retry sends only what has not succeeded. The success that ends it all is recorded with the
result, which follows at once. A channel that fails does not keep the others from being tried
(SPEC 5 and 9, issue 3 item 12).
"""

from typing import assert_never

from ductape.domain.definitions.notification import NotificationTarget
from ductape.domain.definitions.reading import Reading
from ductape.domain.inputs.notification import Channel
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ProviderError, invalid
from ductape.handlers.notification.channels import send_callback, send_email
from ductape.handlers.notification.compose import Composed, compose
from ductape.handlers.notification.expo import send_by_expo
from ductape.handlers.notification.fcm import send_by_fcm
from ductape.handlers.notification.sending import Progress, Sending, sent, worth_most
from ductape.handlers.notification.sms import send_sms
from ductape.ports.clock import Clock
from ductape.ports.handler import Invocation
from ductape.ports.http import HttpClient
from ductape.ports.mail import Mailer
from ductape.ports.tokens import Tokens

__all__ = ["NotificationHandler"]


class NotificationHandler:
    """`ports.handler.Handler` for the kind `notification`."""

    def __init__(self, http: HttpClient, mailer: Mailer, clock: Clock, tokens: Tokens) -> None:
        """Take what the channels send with."""
        self._http = http
        self._mailer = mailer
        self._clock = clock
        self._tokens = tokens
        self._definitions = Reading(NotificationTarget)

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Send on every channel and return `{channel: {status: "sent", provider_id}}`.

        Raises the `ProviderError` of a channel that failed: one that may be tried again, if there
        is such a one.
        """
        target = self._definitions.of(invocation.target)
        composed = compose(target, invocation.input)
        sending = Sending(
            http=self._http,
            mailer=self._mailer,
            clock=self._clock,
            tokens=self._tokens,
            invocation=invocation,
            allow_private=target.allow_private,
        )
        progress = Progress.of(invocation.context)
        failures: dict[Channel, ProviderError] = {}
        left: list[Channel] = [one for one in composed.channels if one not in progress.done]
        for channel in left:
            try:
                result = await _send(channel, sending, target, composed, progress)
            except ProviderError as error:
                failures[channel] = error
            else:
                ends = channel == left[-1] and not failures
                await progress.channel_sent(channel, result, ends=ends)
        if failures:
            raise _failed(failures, progress.done)
        return {channel: progress.done[channel] for channel in composed.channels}


async def _send(
    channel: Channel,
    sending: Sending,
    target: NotificationTarget,
    composed: Composed,
    progress: Progress,
) -> JsonValue:
    match channel:
        case "push_notification":
            if target.push and composed.push:
                push = {"expo": send_by_expo, "fcm": send_by_fcm}[target.push.type]
                return sent(await push(sending, target.push, composed.push))
        case "email":
            if target.email and composed.email:
                return sent(await send_email(sending, target.email, composed.email, progress))
        case "sms":
            if target.sms and composed.sms:
                return await send_sms(sending, target.sms, composed.sms, progress)
        case "callback":
            if target.callback and composed.callback:
                return sent(await send_callback(sending, target.callback, composed.callback))
        case _:
            assert_never(channel)
    raise invalid(f"input.{channel}", "a channel with content and a provider", "one without")


def _failed(failures: dict[Channel, ProviderError], done: JsonObject) -> ProviderError:
    """Join the failures into one error; its code is that of one worth another attempt, if any."""
    chosen, wait_ms = worth_most([*failures.values()])
    return ProviderError(
        chosen.code,
        "; ".join(f"{channel}: {error.message}" for channel, error in failures.items()),
        retry_after_ms=wait_ms,
        details={
            "sent": sorted(done),
            "failed": {
                channel: {"code": error.code, **error.details}
                for channel, error in failures.items()
            },
        },
        hint=chosen.hint,
    )
