"""`ductape.imports`: apps out of OpenAPI and Postman documents, no store needed (SPEC 13).

What it returns is the product's document, for `products.apply`, and everything that was found,
imported and skipped.
"""

from asyncio import to_thread
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from msgspec.structs import replace as replaced

from ductape.app.configuration.settings import read_settings
from ductape.app.texts import read_value
from ductape.catalog import load_document
from ductape.catalog.yaml_reading import Bounds
from ductape.domain.egress import EgressPolicy
from ductape.domain.found import kind_of, listed, shown
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import parse_product
from ductape.errors import Fault, ValidationError, fault, invalid
from ductape.importers import (
    EXPECTED_AUTH,
    Format,
    Imported,
    Options,
    Reader,
    envs_of,
    gather,
    is_auth,
    is_tag,
    make,
)
from ductape.importers.gathering import DEEPEST
from ductape.ports.http import HttpClient
from ductape.providers.http import AiohttpClient
from ductape.services.products.sources import naming_file

Envs = str | Sequence[str] | Mapping[str, str | None]
"""Slugs, or slug → server: a URL, a number, or words that the document's server has."""

Into = str | Path | Mapping[str, object] | None
"""A product's file or document."""

NO_VARIABLES: Mapping[str, str] = {}
NO_ENVIRONMENTS: Mapping[str, str | Path] = {}

DEFAULT_ENV = "dev"
"""Of a new product, where none is given."""

_A_TAG = "a tag of letters, digits, `_`, `-`, `.`"
_MAKERS = Bounds(nesting=DEEPEST, anchors=True, any_number=True)


class Imports:
    """Makes apps of other people's documents."""

    def __init__(self, http: HttpClient) -> None:
        """Fetch URLs by the guarded client."""
        self._http = http

    async def openapi(  # noqa: PLR0913 (one for each option of the command)
        self,
        source: str | Path,
        *,
        product: str | None = None,
        envs: Envs = (),
        app: str | None = None,
        into: Into = None,
        replace: bool = False,
        server: str | None = None,
        variables: Mapping[str, str] = NO_VARIABLES,
        auth: str = "",
        prefix: str = "",
        allow_private: bool = False,
        allow_urls: Sequence[str] = (),
    ) -> Imported:
        """Make apps of an OpenAPI document of 3.0 to 3.2, a file or a URL.

        `product` and `envs` name a new product; without them it has the app's tag, and `dev`.
        `into` is one that the apps join, in `envs`, or in all that it has; `replace` lets them
        take the actions of apps that it has already.
        `server` is a URL, the number of one of the document's servers (from 1), or words that one
        has; `variables` are those of the servers. `auth` is what is sent where the document has
        nothing that can be: `bearer`, `basic`, `header:NAME`, `query:NAME`. `allow_urls` are
        prefixes that the document's references may lead to. Raises `ValidationError`,
        `NotFound`, `ConfigError`, `ProviderError`.
        """
        old = _product_in(into)
        options = _options(product, envs, old, app=app, server=server, auth=auth, prefix=prefix)
        options = replaced(options, variables=dict(variables), allow_private=allow_private)
        reader = self._reader(source, allowed=allow_urls, allow_private=allow_private)
        return await _made("openapi", reader, options, old, replace=replace)

    async def postman(  # noqa: PLR0913 (one for each option of the command)
        self,
        source: str | Path,
        *,
        product: str | None = None,
        envs: Envs = (),
        app: str | None = None,
        into: Into = None,
        replace: bool = False,
        server: str | None = None,
        variables: Mapping[str, str] = NO_VARIABLES,
        environments: Mapping[str, str | Path] = NO_ENVIRONMENTS,
        auth: str = "",
        prefix: str = "",
        allow_private: bool = False,
    ) -> Imported:
        """Make apps of a Postman collection of version 2.0 or 2.1, a file or a URL.

        The arguments are those of `openapi`; `environments` are the files of exported Postman
        environments by env, under an empty text the one for all envs.
        """
        old = _product_in(into)
        options = _options(product, envs, old, app=app, server=server, auth=auth, prefix=prefix)
        options = replaced(
            options,
            variables=dict(variables),
            allow_private=allow_private,
            environments=await self._environments(environments, options.envs),
        )
        reader = self._reader(source, allow_private=allow_private)
        return await _made("postman", reader, options, old, replace=replace)

    def _reader(
        self, source: str | Path, *, allowed: Sequence[str] = (), allow_private: bool = False
    ) -> Reader:
        return Reader(str(source), self._http, _parse, allowed=allowed, allow_private=allow_private)

    async def _environments(
        self, given: Mapping[str, str | Path], envs: Sequence[str]
    ) -> dict[str, JsonObject]:
        read: dict[str, JsonObject] = {}
        for env, path in given.items():
            if env and env not in envs:
                raise invalid("environments", f"one of {listed(envs)}", shown(env, "env"))
            reader = self._reader(path)
            value = await reader.read(reader.root)
            if not isinstance(value, dict) or not isinstance(value.get("values"), list):
                raise invalid(str(path), "an exported Postman environment", kind_of(value))
            read[env] = value
        return read


@asynccontextmanager
async def importing(config: str | Path | None = None) -> AsyncGenerator[Imports]:
    """Lend what imports without a store; raises `ConfigError` for settings that cannot work."""
    egress = read_settings(config).egress
    http = AiohttpClient(EgressPolicy(egress.allow_private, grant_loopback=True))
    try:
        yield Imports(http)
    finally:
        await http.aclose()


def _parse(text: str, suffix: str) -> JsonValue:
    return read_value(text, suffix=suffix, bounds=_MAKERS)


async def _made(
    kind: Format, reader: Reader, options: Options, old: JsonObject | None, *, replace: bool
) -> Imported:
    documents = await gather(reader.root, reader.read)
    options = replaced(options, source=reader.root if "://" in reader.root else "")
    return await to_thread(make, kind, documents, options, into=old, replace=replace)


def _product_in(into: Into) -> JsonObject | None:
    """Return the product that the apps join; raises `ValidationError` where it is none."""
    if into is None:
        return None
    with naming_file(into):
        document = load_document(into)
        parse_product(document)
    return document


def _options(
    product: str | None,
    envs: Envs,
    old: JsonObject | None,
    *,
    app: str | None,
    server: str | None,
    auth: str,
    prefix: str,
) -> Options:
    """Return what was decided; raises `ValidationError` with everything that does not fit."""
    servers = _by_env(envs)
    known = () if old is None else envs_of(old)
    tag = (product or "") if old is None else cast("str", old["tag"])
    slugs = tuple(servers) or known or (DEFAULT_ENV,)
    faults = _faults(product, tag, slugs, known, app=app, prefix=prefix)
    if auth and not is_auth(auth):
        faults.append(fault("auth", EXPECTED_AUTH, shown(auth, "auth")))
    if faults:
        raise ValidationError(faults)
    chosen = {env: choice for env, choice in servers.items() if choice is not None}
    return Options(tag, slugs, app or "", server, chosen, auth=auth, prefix=prefix)


def _by_env(envs: Envs) -> dict[str, str | None]:
    if isinstance(envs, str):
        return {envs: None}
    return dict(envs) if isinstance(envs, Mapping) else dict.fromkeys(envs)


def _faults(
    product: str | None,
    tag: str,
    slugs: Sequence[str],
    known: Sequence[str],
    *,
    app: str | None,
    prefix: str,
) -> list[Fault]:
    faults: list[Fault] = []
    if product and product != tag:
        faults.append(fault("product", f"`{tag}`, as `into` has it", shown(product, "product")))
    for slug in slugs:
        if not is_tag(slug):
            faults.append(fault("envs", _A_TAG, shown(slug, "envs")))
        elif known and slug not in known:
            faults.append(fault("envs", f"one of {listed(known)}", shown(slug, "envs")))
    for path, text in (("product", tag), ("app", app), ("prefix", prefix)):
        if text and not is_tag(text):
            faults.append(fault(path, _A_TAG, shown(text, path)))
    return faults
