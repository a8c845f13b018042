"""Text messages: one request for each number, what succeeded is kept at once (SPEC 9)."""

from ductape.domain.definitions.notification import SmsProvider
from ductape.domain.jsonvalue import JsonValue
from ductape.errors import ProviderError
from ductape.handlers.notification.compose import SmsContent
from ductape.handlers.notification.sending import Progress, Sending, sent, worth_most
from ductape.handlers.notification.services import SERVICES, Text, send_text

_HOPELESS = frozenset({"UNAUTHORIZED", "RATE_LIMITED", "CONNECTION_ERROR", "TIMEOUT"})
"""What one number meets, the next would meet too."""


async def send_sms(
    sending: Sending, provider: SmsProvider, content: SmsContent, progress: Progress
) -> JsonValue:
    """Send to each number that has no message yet; return the channel's result.

    Raises the `ProviderError` of a number that failed, once all others were tried.
    """
    service = SERVICES[provider.type]
    failures: list[ProviderError] = []
    for at, to in enumerate(content.to):
        if str(at) in progress.numbers:
            continue
        try:
            provider_id = await send_text(sending, service, provider, Text(to, content.body, at))
        except ProviderError as error:
            failures.append(error)
            if error.code in _HOPELESS:
                break
        else:
            if len(content.to) == 1:
                return sent(provider_id)
            await progress.number_sent(at, provider_id)
    if failures:
        raise _failed(failures, len(content.to), len(progress.numbers))
    ids = [progress.numbers[str(at)] for at in range(len(content.to))]
    return {"status": "sent", "provider_id": ids[0], "provider_ids": ids}


def _failed(failures: list[ProviderError], numbers: int, done: int) -> ProviderError:
    chosen, wait_ms = worth_most(failures)
    if numbers == 1:
        return chosen
    return ProviderError(
        chosen.code,
        f"{done} of {numbers} numbers have the message: {chosen.message}",
        retry_after_ms=wait_ms,
        details=chosen.details,
        hint=chosen.hint,
    )
