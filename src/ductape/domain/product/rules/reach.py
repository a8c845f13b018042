"""Rules about what a product reaches: URLs, paths, headers, request schemas (SPEC 8, 9)."""

from collections.abc import Iterator

from msgspec import UNSET

from ductape.domain.files.content import mime_faults
from ductape.domain.found import kind_of, listed, path_to
from ductape.domain.http.addresses import web_address
from ductape.domain.http.parts import header_faults, param_names
from ductape.domain.inputs.channels import broken_lines
from ductape.domain.inputs.schema import rule_faults
from ductape.domain.inputs.unique import UNIQUE_PARTS, WHOLE_BODY
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.mailbox import read_sender
from ductape.domain.pairs import RESERVED_PARTS, STYLES_OF
from ductape.domain.product.format.app import Action, ActionEnv, App, AppAuth, AuthEnv, Variable
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.function import Function, FunctionEnv
from ductape.domain.product.format.notification import (
    Callback,
    Email,
    EmailContent,
    Notification,
    NotificationEnv,
    Push,
    Sms,
)
from ductape.domain.product.walking import things_of
from ductape.errors import Fault, fault

_PARTS = ("query", "params", "body", "headers")
_STYLED = "`query:NAME`, `body:NAME`, `params:NAME` or `headers:NAME`"
_RESERVED = "`query:NAME` or `body:NAME`"
_OWN = "`headers:`, `query:`, `params:` or `body:` and a name, or `body`"
_BEHIND_A_URL = ("type", "url", "method", "headers", "auth", "timeout", "allow_private", "envs")


def reach_faults(product: Product) -> Iterator[Fault]:
    """Tell every address, path, header and schema that cannot work."""
    for path, thing in things_of(product):
        match thing:
            case App():
                yield from _app_faults(thing, path)
            case Variable(value=value, envs=envs) if value is UNSET and not envs:
                yield fault(f"{path}.value", "a value, or envs with one each", "neither")
            case Action() | ActionEnv():
                yield from _action_faults(thing, path)
            case Push(url=str(url)) | Sms(url=str(url)) | FunctionEnv(url=str(url)):
                yield from url_faults(url, f"{path}.url")
            case AppAuth(token_url=str(url)) | AuthEnv(token_url=str(url)):
                yield from url_faults(url, f"{path}.token_url")
            case Function():
                yield from _function_faults(thing, path)
            case Callback() | Email() | EmailContent() | Notification() | NotificationEnv():
                yield from _channel_faults(thing, path)
            case _:
                pass


def _app_faults(app: App, path: str) -> Iterator[Fault]:
    if app.base_url is not None:
        yield from _base_url_faults(app.base_url, f"{path}.base_url")
    elif app.actions and not app.envs:
        yield fault(f"{path}.envs", "the app's `base_url` in each env", "none")
    for at, env in enumerate(app.envs):
        where = f"{path}.envs[{at}].base_url"
        if env.base_url is not None:
            yield from _base_url_faults(env.base_url, where)
        elif app.base_url is None:
            yield fault(where, "a URL", "nothing")


def _action_faults(action: Action | ActionEnv, path: str) -> Iterator[Fault]:
    yield from header_faults(action.headers, f"{path}.headers")
    if action.resource is not None:
        yield from _resource_faults(action.resource, f"{path}.resource")
    if isinstance(action, Action) and action.request is not None:
        yield from _schema_faults(action.request, f"{path}.request")
    if isinstance(action, Action):
        yield from _style_faults(action, f"{path}.styles")
        yield from _default_faults(action, path)
        for name, mime in action.part_types.items():
            yield from mime_faults(mime, path_to(f"{path}.part_types", name))
        for at, place in enumerate(action.reserved):
            part, _, name = place.partition(":")
            if part not in RESERVED_PARTS or not name:
                yield fault(f"{path}.reserved[{at}]", _RESERVED, "another place")
        for at, place in enumerate(action.unique):
            yield from _unique_faults(place, f"{path}.unique[{at}]")


def _unique_faults(place: str, path: str) -> Iterator[Fault]:
    part, _, name = place.partition(":")
    if place != WHOLE_BODY and (part not in UNIQUE_PARTS or not name):
        yield fault(path, _OWN, repr(place[:40]))
    elif part == "headers" and header_faults({name: ""}, ""):
        yield fault(path, "a header that a request may set", repr(name[:40]))


def _style_faults(action: Action, path: str) -> Iterator[Fault]:
    for name, style in action.styles.items():
        part, colon, called = name.partition(":")
        if part not in STYLES_OF or not (colon and called):
            yield fault(path_to(path, name), _STYLED, "another key")
        elif style not in STYLES_OF[part]:
            known = ", ".join(sorted(STYLES_OF[part]))
            yield fault(path_to(path, name), f"one of {known}", f"`{style}`")


def _function_faults(function: Function, path: str) -> Iterator[Fault]:
    yield from header_faults(function.headers, f"{path}.headers")
    for at, env in enumerate(function.envs):
        yield from header_faults(env.headers, f"{path}.envs[{at}].headers")
    for name, rule in (function.input or {}).items():
        yield from rule_faults(rule, path_to(f"{path}.input", name))
    if function.handler is not None:
        plain = Function(tag=function.tag)
        for name in _BEHIND_A_URL:
            if getattr(function, name) != getattr(plain, name):
                yield fault(f"{path}.{name}", "none in a function of a Python handler", "one")
    elif function.url is not None:
        yield from url_faults(function.url, f"{path}.url")
    elif not any(env.url for env in function.envs):
        yield fault(f"{path}.handler", "`handler: python`, or a `url`", "neither")


def _default_faults(action: Action, path: str) -> Iterator[Fault]:
    """Tell defaults of parameters that no path has, in whichever env."""
    paths = [action.resource, *(env.resource or "" for env in action.envs)]
    if any("$" in one for one in paths):
        return  # What a reference brings may have any parameter.
    known = {name for one in paths for name in param_names(one)}
    hint = f"there are {listed([f':{name}' for name in sorted(known)])}" if known else "it has none"
    here = ((f"{path}.envs[{at}]", env) for at, env in enumerate(action.envs))
    for where, part in ((path, action), *here):
        for name in sorted(part.params.keys() - known):
            place = path_to(f"{where}.params", name)
            yield fault(place, "a parameter of the path", f"`{name}`", hint=hint)


def _resource_faults(resource: str, path: str) -> Iterator[Fault]:
    if resource and not resource.startswith(("/", "$")):
        yield fault(path, "a path that begins with `/`, as `/users/:id`", repr(resource[:40]))
    if "?" in resource or "#" in resource:
        yield fault(path, "a path alone", "a query", hint="put defaults under `query`")


def _schema_faults(schema: JsonObject, path: str) -> Iterator[Fault]:
    for part, fields in schema.items():
        where = path_to(path, part)
        if part not in _PARTS:
            yield fault(where, f"one of {listed(_PARTS)}", "another part")
        elif not isinstance(fields, dict):
            yield fault(where, "an object of fields", kind_of(fields))
        else:
            for name, rule in fields.items():
                yield from rule_faults(rule, path_to(where, name))


def _base_url_faults(url: str, path: str) -> Iterator[Fault]:
    yield from url_faults(url, path)
    if "?" in url or "#" in url:
        yield fault(path, "a URL without query and fragment", "one with")


def url_faults(url: str, path: str) -> Iterator[Fault]:
    """Tell why nothing can be sent to a URL; one with a reference is judged when it is used."""
    if "$" in url:
        return  # What a reference will bring is checked when the request is made.
    if any(sign.isspace() for sign in url):
        yield fault(path, "a URL", "a text with white space")
        return
    parts = web_address(url)
    if parts is None:
        yield fault(path, "an http or https URL with a host", "another text")
    elif "@" in parts.netloc:
        yield fault(path, "a URL without credentials", "one with", hint="declare an auth instead")


def _channel_faults(
    part: Callback | Email | EmailContent | Notification | NotificationEnv, path: str
) -> Iterator[Fault]:
    match part:
        case Callback():
            yield from url_faults(part.url, f"{path}.url")
            yield from header_faults(part.headers, f"{path}.headers")
        case Email():
            if "$" not in part.sender and read_sender(part.sender) is None:
                wanted = "an address, or a name and `<address>`"
                yield fault(f"{path}.sender", wanted, "another text")
        case EmailContent():
            yield from broken_lines(part.subject, f"{path}.subject")
        case _:
            yield from _push_faults(part, path)


def _push_faults(part: Notification | NotificationEnv, path: str) -> Iterator[Fault]:
    if part.push is not None and part.push_notification is not None:
        hint = "both are the same channel"
        yield fault(f"{path}.push", "nothing beside `push_notification`", "one more", hint=hint)
