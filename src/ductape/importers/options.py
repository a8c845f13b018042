"""What the importing person decides: where the app goes, what it is called, where its API is."""

from collections.abc import Mapping

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject


class Options(Struct, frozen=True):
    """How a document becomes an app."""

    product: str
    """The product's tag; the app's where it is empty."""
    envs: tuple[str, ...]
    """The envs that the app is in."""
    app: str
    """The app's tag; apps for further servers add to it."""
    server: str | None = None
    """A URL, the number of one of the document's servers (from 1), or words that it has."""
    servers: Mapping[str, str] = field(default_factory=dict[str, str])
    """The same for single envs."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Values of the document's variables."""
    auth: str = ""
    """What is sent where the document has nothing, as `given_auth.EXPECTED` has it."""
    source: str = ""
    """The document's own URL, where it came from one."""
    prefix: str = ""
    """What the actions' tags begin with."""
    allow_private: bool = False
    """Whether the app asks to reach private addresses."""
    environments: Mapping[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    """Of Postman: the exported environment of each env; under `` the one for all."""

    def server_in(self, env: str) -> str | None:
        """Return what was chosen for an env."""
        return self.servers.get(env, self.server)


def is_url(text: str) -> bool:
    """Tell whether a choice of server is a URL of its own.

    >>> is_url("https://api.example.com"), is_url("2"), is_url("sandbox")
    (True, False, False)
    """
    return "://" in text
