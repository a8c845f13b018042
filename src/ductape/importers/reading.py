"""Reading documents: files of one folder, and URLs where they are allowed (SPEC 18).

A file's references stay in its folder, links are not followed; those of a URL stay with its
server. Further servers need a prefix that the importing person gives. Sizes are in bytes.
"""

import asyncio
import posixpath
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ductape.domain.files.remedies import TO_READ
from ductape.domain.jsonvalue import JsonValue
from ductape.errors import ConfigError, DuctapeError, NotFound, ProviderError, invalid
from ductape.importers.documents import is_here, is_web
from ductape.ports.http import HttpClient, HttpRequest

Parse = Callable[[str, str], JsonValue]
"""Makes a value of a text and the suffix of its name."""

MOST_BYTES = 134_217_728
"""Of one document."""

MOST_BYTES_IN_ALL = 268_435_456
_TIMEOUT_MS = 60_000


class Reader:
    """Reads the documents of one import."""

    def __init__(
        self,
        source: str,
        http: HttpClient,
        parse: Parse,
        *,
        allowed: Sequence[str] = (),
        allow_private: bool = False,
    ) -> None:
        """Take the first document's path or URL, and the prefixes of URLs that may be followed.

        Private addresses are asked for where `allow_private` says so, and where the document's
        own URL is one of this machine; the operator decides (SPEC 16).
        """
        self._http = http
        self._parse = parse
        self._allowed = tuple(allowed)
        self._room = MOST_BYTES_IN_ALL
        self._web = is_web(source) and "://" in source
        self._private = allow_private or (self._web and is_here(source))
        path = Path(source)
        self._folder = path.parent
        self._source = source
        self.root = source if self._web else path.name
        """The first document's location."""

    async def read(self, location: str) -> JsonValue:
        """Return a document; raises `DuctapeError`."""
        if is_web(location) and "://" in location:
            content = await self._fetched(location)
        else:
            content = await asyncio.to_thread(self._file, location)
        self._room -= len(content)
        if self._room < 0:
            raise invalid("", f"at most {MOST_BYTES_IN_ALL} bytes of documents", "more")
        suffix = posixpath.splitext(urlsplit(location).path)[1]
        return await asyncio.to_thread(self._parsed, content, suffix)

    def _parsed(self, content: bytes, suffix: str) -> JsonValue:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise invalid("", "text in UTF-8", f"another byte at {error.start}") from error
        return self._parse(text, suffix if suffix in (".json", ".yaml", ".yml") else "")

    async def _fetched(self, url: str) -> bytes:
        if not self._may_follow(url):
            hint = "allow it with `--allow-url PREFIX`"
            raise invalid("", "a URL that may be followed", "another server's", hint=hint)
        accept = {"Accept": "application/json, application/yaml, */*;q=0.5"}
        response = await self._http.send(
            HttpRequest(
                method="GET",
                url=url,
                headers=accept,
                timeout_ms=_TIMEOUT_MS,
                allow_private=self._private,
                max_response_bytes=MOST_BYTES,
            )
        )
        if response.status != 200:  # noqa: PLR2004 (the only answer with a document)
            raise ProviderError("PROVIDER_ERROR", f"the URL answers with {response.status}")
        return response.body

    def _may_follow(self, url: str) -> bool:
        if url == self._source or url.startswith(self._allowed):
            return True
        return self._web and urlsplit(url)[:2] == urlsplit(self._source)[:2]

    def _file(self, location: str) -> bytes:
        path = self._folder / location
        if location != self.root:
            self._confine(path)
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise ConfigError(f"{path} is no file", path=str(path), hint=TO_READ)
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except FileNotFoundError as error:
            raise NotFound(f"there is no file {path}", path=str(path)) from error
        except (OSError, ValueError) as error:
            said = f"{path} cannot be read"
            raise ConfigError(said, path=str(path), hint=TO_READ) from error
        if len(content) > MOST_BYTES:
            raise invalid(location, f"at most {MOST_BYTES} bytes", "more")
        return content

    def _confine(self, path: Path) -> None:
        """Refuse a path outside of the folder, and one that a link leads away from."""
        try:
            folder = self._folder.resolve()
            inside = path.resolve() == folder / path.relative_to(self._folder)
        except (OSError, ValueError) as error:
            raise _outside() from error
        if not inside:
            raise _outside()


def _outside() -> DuctapeError:
    return invalid("", "a file in the folder of the first one", "one outside of it")
