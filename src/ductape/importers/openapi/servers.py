"""Where operations go: their own servers, else their path's, else the document's (SPEC 8).

Which of several servers is taken the importing person decides for each env; the first one where
nothing was decided. The rest are told.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urljoin, urlsplit

from msgspec import Struct

from ductape.domain.found import listed
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import invalid
from ductape.importers.apps import Bases
from ductape.importers.documents import Broken, Node, is_web
from ductape.importers.options import Options, is_url
from ductape.importers.report import Report
from ductape.importers.sealing import escaped, scrubbed
from ductape.importers.values import a_list, a_text, an_object, as_written, member

_VARIABLE = re.compile(r"\{([^{}]{1,200})\}")
_NONE: list[JsonValue] = [{"url": "/"}]
"""What counts where a document names no server."""

_CHOSEN_OTHERWISE = "no action goes there: `--server` and `--env ENV=SERVER` choose among servers"


class _Server(Struct, frozen=True):
    """One server as it is written, and as it is used."""

    written: str
    url: str
    words: str
    query: str = ""
    """What its URL asks besides; no base URL has it."""
    has_user: bool = False
    """Whether there are credentials in its URL."""


class Servers:
    """Chooses the servers of one document."""

    def __init__(self, options: Options, report: Report, root: str) -> None:
        """Take what was decided, and the document's location, which relative URLs go by."""
        self._options = options
        self._report = report
        self._root = root
        self._seen: dict[str, str] = {}
        self._used: dict[str, _Server] = {}
        self._met: set[str] = set()
        self._known: dict[int, Bases | Broken] = {}
        """Identity of a list of servers → what is taken of it."""
        self.lacking = ""
        """Why an operation had none; empty where each had one."""

    def bases_of(self, *holders: Node) -> Bases | Broken:
        """Return the base URLs of an operation; `holders` are it, its path, the document."""
        given = next((_given(one) for one in holders if _given(one)), _NONE)
        if id(given) not in self._known:
            self._known[id(given)] = self._taken(given)
        return self._known[id(given)]

    def _taken(self, given: Sequence[JsonValue]) -> Bases | Broken:
        """Return the base URLs that the servers of one list have."""
        servers = [self._read(one) for one in given]
        chosen = [self._chosen(env, servers) for env in self._options.envs]
        if broken := next((one for one in chosen if isinstance(one, Broken)), None):
            self.lacking = broken.reason
            return broken
        return tuple(one for one in chosen if isinstance(one, str))

    def declare(self, holder: JsonValue, place: str) -> None:
        """Count the servers that a part of the document names."""
        for at, given in enumerate(a_list(member(holder, "servers"))):
            self._seen.setdefault(a_text(member(given, "url")), f"{place}/servers/{at}")

    def tell(self) -> None:
        """Tell which servers were taken and which were not.

        Raises `ValidationError` for a choice that no server fits: another one would not do.
        """
        for choice in (self._options.server, *self._options.servers.values()):
            if choice and not is_url(choice) and choice not in self._met and self._seen:
                known = listed([scrubbed(url)[:80] for url in self._seen])
                raise invalid("server", f"one of {known}, its number, or a URL", repr(choice[:80]))
        for written, place in self._seen.items():
            if written in self._used:
                self._report.took("server")
                self._tell_rest(self._used[written], place)
            else:
                self._report.skip("server", place, _CHOSEN_OTHERWISE)

    def _tell_rest(self, server: _Server, place: str) -> None:
        """Tell what of a server's URL is no address."""
        if server.query:
            names = dict.fromkeys(scrubbed(name)[:80] for name, _ in parse_qsl(server.query, True))
            told = f"query {listed([*names])}"
            self._report.leave_out(place, told, "give it in the query of the actions or inputs")
        if server.has_user:
            self._report.leave_out(place, "credentials", "`--auth basic` sends some")

    def _chosen(self, env: str, servers: Sequence[_Server | Broken]) -> str | Broken:
        choice = self._options.server_in(env)
        if choice is not None and is_url(choice):
            return choice.rstrip("/")
        picked = None if choice is None else _picked(choice, servers)
        if choice is not None and picked is not None:
            self._met.add(choice)
        taken = picked or _first(servers)
        if isinstance(taken, Broken):
            return taken
        self._used[taken.written] = taken
        return taken.url

    def _read(self, given: JsonValue) -> _Server | Broken:
        written = a_text(member(given, "url"))
        url = _filled(written, an_object(member(given, "variables")), self._options.variables)
        if not is_web(url) and is_web(self._root):
            url = urljoin(self._root, url)
        elif url.startswith("//"):
            url = f"https:{url}"  # "As the page was fetched": a file was not.
        if not is_web(url):
            return Broken(f"its server {scrubbed(url)[:80]!r} is no absolute URL")
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            return Broken("its server's URL cannot be read")
        if not good or "{" in url or any(sign.isspace() for sign in url):
            return Broken("its server is no http or https URL with a host")
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
        words = f"{a_text(member(given, 'name'))} {a_text(member(given, 'description'))}"
        has_user = "@" in parts.netloc
        return _Server(written, escaped(bare.geturl().rstrip("/")), words, parts.query, has_user)


def joined_url(url: str, root: str) -> str | None:
    """Return a URL made whole by the document's own; none where it is no http or https one.

    >>> joined_url("/token", "https://a.example/api.json"), joined_url("/token", "api.json")
    ('https://a.example/token', None)
    """
    try:
        whole = urljoin(root, url) if is_web(root) and url else url
        parts = urlsplit(whole)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    plain = not any(sign.isspace() for sign in whole) and "@" not in parts.netloc
    return whole if good and plain else None


def _given(holder: Node) -> list[JsonValue]:
    return a_list(member(holder.value, "servers"))


def _filled(url: str, variables: JsonObject, given: Mapping[str, str]) -> str:
    """Return a server's URL with its variables: those given, else the document's defaults."""

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        default = as_written(member(variables.get(name), "default"))
        first = next(iter(a_list(member(variables.get(name), "enum"))), None)
        return given.get(name) or default or as_written(first) or match[0]

    return _VARIABLE.sub(value_of, url)


def _first(servers: Sequence[_Server | Broken]) -> _Server | Broken:
    """Return the first one that can be used, or why none can."""
    usable = (one for one in servers if isinstance(one, _Server))
    return next(usable, None) or next(iter(servers), Broken("it has no server"))


def _picked(choice: str, servers: Sequence[_Server | Broken]) -> _Server | Broken | None:
    """Return the server that is meant: by its number as it is written, or by its words."""
    if choice.isascii() and choice.isdigit() and len(choice) < 4:  # noqa: PLR2004 (no document has thousands)
        return servers[int(choice) - 1] if 1 <= int(choice) <= len(servers) else None
    wanted = choice.lower()
    usable = (one for one in servers if isinstance(one, _Server))
    return next((one for one in usable if wanted in f"{one.written} {one.words}".lower()), None)
