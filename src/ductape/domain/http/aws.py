"""Signing requests as AWS wants it: Signature Version 4, in headers. Pure.

The rule is AWS's own, and so are the examples that the tests prove it by. A path is encoded once
more than it is sent, as for every service but S3.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from msgspec import Struct, field

_ALGORITHM = "AWS4-HMAC-SHA256"
_PORTS = {"http": 80, "https": 443}
_UNRESERVED = "-_.~"
_SENT_AS_THEY_ARE = "/:@!$&'()*,;=~"
"""What the client never encodes in a path; in a query it makes no difference to the signature."""


class AwsKeys(Struct, frozen=True):
    """Whose request it is, and for which service of which region."""

    access_key_id: str
    secret_access_key: str
    region: str
    service: str = "lambda"
    session_token: str | None = None

    def __repr__(self) -> str:
        """Keep the keys out of every log and traceback."""
        return f"AwsKeys(region={self.region!r}, service={self.service!r})"


class Signable(Struct, frozen=True):
    """A request that is to be signed."""

    method: str
    url: str
    """Whole, its query included, as `sendable` makes it."""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Those to be signed besides ours; no other may be added to their names on the way."""

    def __repr__(self) -> str:
        """Keep query, headers and body out of every log and traceback."""
        return f"Signable(method={self.method!r}, url={self.url.partition('?')[0]!r})"


def sendable(url: str) -> str:
    """Return a URL encoded as the client sends it, and so as it is signed.

    >>> sendable("https://a.example/x y/%3a:z?b=1+2")
    'https://a.example/x%20y/::z?b=1%202'
    """
    parts = urlsplit(url)
    path = quote(unquote(parts.path), safe=_SENT_AS_THEY_ARE) or "/"
    query = "&".join(f"{name}={value}" for name, value in _pairs(parts.query))
    return parts._replace(path=path, query=query, fragment="").geturl()


def signed_headers(request: Signable, keys: AwsKeys, now_ms: int) -> dict[str, str]:
    """Return the headers that show whose request it is: date, session token, authorization."""
    at = datetime.fromtimestamp(now_ms // 1_000, UTC)
    stamp = f"{at:%Y%m%dT%H%M%SZ}"
    ours = {"X-Amz-Date": stamp}
    if keys.session_token:
        ours["X-Amz-Security-Token"] = keys.session_token
    named = {**request.headers, "Host": _host(request.url), **ours}
    signed = {name.lower(): _folded(value) for name, value in named.items()}
    names = ";".join(sorted(signed))
    scope = f"{stamp[:8]}/{keys.region}/{keys.service}/aws4_request"
    hashed = sha256(_canonical(request, signed, names).encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashed}"
    signature = digest(_key(keys, stamp[:8]), to_sign.encode(), "sha256").hex()
    ours["Authorization"] = (
        f"{_ALGORITHM} Credential={keys.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return ours


def _canonical(request: Signable, signed: Mapping[str, str], names: str) -> str:
    parts = urlsplit(request.url)
    return "\n".join(
        (
            request.method,
            quote(_normal(parts.path), safe=f"/{_UNRESERVED}"),
            "&".join(f"{name}={value}" for name, value in sorted(_pairs(parts.query))),
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            sha256(request.body).hexdigest(),
        )
    )


def _pairs(query: str) -> list[tuple[str, str]]:
    return [
        (quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED))
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]


def _normal(path: str) -> str:
    """Return a path without `.`, `..` and double slashes."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            kept = kept[:-1]
        elif part not in ("", "."):
            kept.append(part)
    end = "/" if kept and path.endswith("/") else ""
    return f"/{'/'.join(kept)}{end}"


def _key(keys: AwsKeys, day: str) -> bytes:
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in (day, keys.region, keys.service, "aws4_request"):
        key = digest(key, part.encode(), "sha256")
    return key


def _host(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port
    bare = port is None or port == _PORTS.get(parts.scheme)
    return parts.hostname or "" if bare else f"{parts.hostname}:{port}"


def _folded(value: str) -> str:
    return " ".join(value.split())
