"""What a notification says on each channel, settled before anything is sent (SPEC 9)."""

from msgspec import Struct, field

from ductape.domain.definitions.notification import MessageTemplate, NotificationTarget
from ductape.domain.inputs.channels import BREAKS, callback_parts, mail_template
from ductape.domain.inputs.content import Wording, filled_or_given, locales_of, wording
from ductape.domain.inputs.notification import Channel, wanted_channels
from ductape.domain.inputs.parts import RequestParts, read_parts
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import invalid
from ductape.handlers.notification.plaintext import has_markup, text_of


class PushContent(Struct, frozen=True, omit_defaults=True):
    """One push notification, under the names of the push service."""

    to: str
    title: str | None = None
    body: str | None = None
    data: JsonObject = field(default_factory=dict[str, JsonValue])


class EmailContent(Struct, frozen=True):
    """One e-mail."""

    to: tuple[str, ...]
    subject: str
    text: str
    html: str | None


class SmsContent(Struct, frozen=True):
    """One text message, to one number or to several."""

    to: tuple[str, ...]
    body: str


class Composed(Struct, frozen=True):
    """Every channel that the input asks for."""

    channels: tuple[Channel, ...]
    """In the order of sending."""
    push: PushContent | None = None
    email: EmailContent | None = None
    sms: SmsContent | None = None
    callback: RequestParts | None = None


def compose(target: NotificationTarget, given: JsonObject) -> Composed:
    """Return what is to be sent, by an input that has been judged."""
    message = target.message or MessageTemplate(tag="")
    locales = locales_of(message.locale, target.locale)
    channels = tuple(wanted_channels(given))
    return Composed(
        channels=channels,
        push=_push(message, _part(given, "push_notification"), locales),
        email=_email(message, _part(given, "email"), locales),
        sms=_sms(message, _part(given, "sms"), locales),
        callback=_callback(message, _part(given, "callback")),
    )


def _push(
    message: MessageTemplate, given: JsonObject | None, locales: tuple[str, ...]
) -> PushContent | None:
    if given is None:
        return None
    defined = message.push_notification or {}
    title, body = (wording(defined.get(one), given.get(one), locales) for one in ("title", "body"))
    data = filled_or_given(defined.get("data"), given.get("data"))
    return PushContent(
        to=str(given["device_token"]),
        title=title.plain() if title else None,
        body=body.plain() if body else None,
        data=data if isinstance(data, dict) else {},
    )


def _email(
    message: MessageTemplate, given: JsonObject | None, locales: tuple[str, ...]
) -> EmailContent | None:
    if given is None:
        return None
    defined = message.email or {}
    subject = wording(defined.get("subject"), given.get("subject"), locales)
    template = wording(mail_template(defined), given.get("template"), locales)
    if subject is None or template is None:
        raise invalid("input.email", "a subject and a template", "a message without")
    only_text = template.variables is not None and not defined.get("template")
    own_text = None
    if template.variables is not None and defined.get("text"):
        own_text = wording(defined["text"], template.variables, locales)
    return EmailContent(
        to=_recipients(given["to"]),
        subject=_one_line(subject.plain()),
        text=own_text.plain() if own_text else _derived_text(template),
        html=None if only_text or not has_markup(template.text) else template.html(),
    )


def _sms(
    message: MessageTemplate, given: JsonObject | None, locales: tuple[str, ...]
) -> SmsContent | None:
    if given is None:
        return None
    body = wording((message.sms or {}).get("body"), given.get("body"), locales)
    if body is None:
        raise invalid("input.sms.body", "a text", "nothing")
    return SmsContent(to=_recipients(given["to"]), body=body.plain())


def _derived_text(template: Wording) -> str:
    return text_of(template.html()) if has_markup(template.text) else template.plain()


def _recipients(to: JsonValue) -> tuple[str, ...]:
    return tuple(str(one) for one in to) if isinstance(to, list) else (str(to),)


def _one_line(subject: str) -> str:
    if not BREAKS.isdisjoint(subject):
        raise invalid("input.email.subject", "text on one line", "a line break")
    return subject


def _callback(message: MessageTemplate, given: JsonObject | None) -> RequestParts | None:
    if given is None:
        return None
    return callback_parts(message.callback or {}, read_parts(given, "input.callback"))


def _part(given: JsonObject, channel: Channel) -> JsonObject | None:
    part = given.get(channel)
    return part if isinstance(part, dict) and part else None
