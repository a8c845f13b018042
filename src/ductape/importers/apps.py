"""Making apps of what was read: one for each place that the operations go to (SPEC 8).

A product's app has one base URL in each env, so that operations with servers of their own become
apps of their own, named after the host.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.documents import is_here
from ductape.importers.options import Options
from ductape.importers.report import Report
from ductape.importers.tags import Tags, tag_of
from ductape.importers.values import LONGEST_NAME, LONGEST_WORDS, a_text, cut

Bases = tuple[str, ...]
"""An app's base URL in each env, in the order of the options' envs."""


class Draft(Struct, frozen=True):
    """One action, and where it goes."""

    bases: Bases
    action: JsonObject


class About(Struct, frozen=True):
    """What the apps have in common."""

    name: str
    description: str
    auths: Mapping[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    """Tag → auth. An app gets those that its actions name, the first one also the others."""
    variables: Sequence[JsonObject] = ()


def apps_of(
    drafts: Sequence[Draft], about: About, options: Options, report: Report
) -> list[JsonObject]:
    """Return the apps, the one that most actions go to first."""
    places: dict[Bases, list[JsonObject]] = {}
    for draft in drafts:
        places.setdefault(draft.bases, []).append(draft.action)
    tags = Tags()
    apps: list[JsonObject] = []
    biggest = sorted(places, key=lambda bases: -len(places[bases]))
    for at, bases in enumerate(biggest):
        tag = options.app if at == 0 else tags.give(f"{options.app}-{_host(bases)}")
        if asks := not options.allow_private and _asked_private(bases, options):
            report.note("a server that you gave is on this machine: the app asks to reach it")
        asking = replace(options, allow_private=options.allow_private or asks)
        apps.append(_app(tag, bases, places[bases], about, asking, first=at == 0))
    return apps


def tell_auths(places: Mapping[str, str], drafts: Sequence[Draft], report: Report) -> None:
    """Count the auths, each at its place: without actions there is no app to have them."""
    for place in places.values():
        if drafts:
            report.took("auth")
        else:
            report.skip("auth", place, "there is no action that it could be for")


def _app(
    tag: str,
    bases: Bases,
    actions: list[JsonObject],
    about: About,
    options: Options,
    *,
    first: bool,
) -> JsonObject:
    app: JsonObject = {"tag": tag}
    if about.name:
        app["name"] = cut(about.name, LONGEST_NAME)
    if about.description:
        app["description"] = cut(about.description, LONGEST_WORDS)
    urls: list[JsonValue] = [
        {"slug": env, "base_url": url} for env, url in zip(options.envs, bases, strict=True)
    ]
    app["envs"] = urls
    if options.allow_private:
        app["allow_private"] = True
    used = {a_text(action.get("auth")) for action in actions}
    auths: list[JsonValue] = [auth for name, auth in about.auths.items() if name in used or first]
    if auths:
        app["auths"] = auths
    if about.variables and first:
        app["variables"] = [*about.variables]
    app["actions"] = [*actions]
    return app


def _host(bases: Bases) -> str:
    try:
        return tag_of(urlsplit(bases[0]).hostname or "") or "other"
    except ValueError:
        return "other"


def _asked_private(bases: Bases, options: Options) -> bool:
    """Tell whether the importing person named this machine, as the server or as the source."""
    named = {options.source, options.server, *options.servers.values()}
    origins = {_origin(one) for one in named if one}
    return any(is_here(base) and _origin(base) in origins for base in bases)


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url
    return parts.scheme, parts.netloc
