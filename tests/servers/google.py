"""A stub of Google: its token endpoint and the XML API of Cloud Storage, as its pages have them.

A stub, not Google: it proves that what is sent has the published shape and is signed with the
service account's key. Who has no token that it issued is refused; so is a signed URL that is not.
"""

import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import md5
from urllib.parse import quote
from xml.sax.saxutils import escape

import msgspec
from aiohttp import web
from aiohttp.test_utils import unused_port
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

EMAIL = "jobs@project.iam.gserviceaccount.com"
BUCKET = "invoices"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DATE = "Fri, 27 Nov 2026 10:00:00 GMT"


@dataclass
class Google:
    """What it has, and what it was asked."""

    key: RSAPrivateKey = field(default_factory=lambda: generate_private_key(65_537, 2_048))
    port: int = 0
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict[str, tuple[bytes, str]])
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict[str, dict[int, bytes]])
    claims: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    """Of every token that was asked for."""

    def service_account(self) -> str:
        """Return the account's key as Google hands it out."""
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        account = {
            "type": "service_account",
            "client_email": EMAIL,
            "private_key_id": "k1",
            "private_key": pem.decode(),
            "token_uri": f"https://localhost:{self.port}/token",
        }
        return msgspec.json.encode(account).decode()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        if request.method == "POST" and request.path.endswith("/token"):
            return await self._token(request)
        signed = "X-Goog-Signature" in request.query
        bearer = request.headers.get("Authorization") == f"Bearer token-{len(self.claims)}"
        if not (self._is_signed(request) if signed else bearer and self.claims):
            return _refused(401, "AuthenticationRequired")
        bucket, _, name = request.path.removeprefix("/").partition("/")
        if bucket != BUCKET:
            return _refused(404, "NoSuchBucket")
        return await self._object(request, name) if name else self._listing(request)

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form["grant_type"] != GRANT:
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        public = RSAKey.import_key(self.key.public_key())
        try:
            token = jwt.decode(str(form["assertion"]), public, algorithms=["RS256"])
        except JoseError:
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.claims.append(dict(token.claims))
        granted = {"access_token": f"token-{len(self.claims)}", "expires_in": 3600}
        return web.json_response({**granted, "token_type": "Bearer"})

    async def _object(self, request: web.Request, name: str) -> web.Response:
        match request.method:
            case "PUT" if "partNumber" in request.query:
                number = int(request.query["partNumber"])
                self.parts[request.query["uploadId"]][number] = await request.read()
                return web.Response(headers={"ETag": f'"part-{number}"'})
            case "POST" if "uploads" in request.query:
                self.parts["up-1"] = {}
                return _xml(
                    "<InitiateMultipartUploadResult><UploadId>up-1</UploadId>"
                    "</InitiateMultipartUploadResult>"
                )
            case "POST":
                parts = self.parts.pop(request.query["uploadId"])
                whole = b"".join(parts[number] for number in sorted(parts))
                self.files[name] = (whole, "application/octet-stream")
                return _xml(
                    '<CompleteMultipartUploadResult><ETag>"c-2"</ETag>'
                    "</CompleteMultipartUploadResult>"
                )
            case "PUT":
                self.files[name] = (await request.read(), request.headers["Content-Type"])
                return web.Response(headers=self._known(name))
            case "DELETE":
                gone = self.files.pop(name, None)
                return _refused(404, "NoSuchKey") if gone is None else web.Response(status=204)
            case _:
                return self._found(name)

    def _found(self, name: str) -> web.Response:
        if name not in self.files:
            return _refused(404, "NoSuchKey")
        content, mime = self.files[name]
        return web.Response(body=content, headers={**self._known(name), "Content-Type": mime})

    def _known(self, name: str) -> dict[str, str]:
        digest = md5(self.files[name][0], usedforsecurity=False).hexdigest()
        return {"ETag": f'"{digest}"', "Last-Modified": DATE, "x-goog-generation": "1"}

    def _listing(self, request: web.Request) -> web.Response:
        assert request.query["list-type"] == "2"
        prefix = request.query.get("prefix", "")
        after = request.query.get("start-after", "")
        names = sorted(name for name in self.files if name.startswith(prefix) and name > after)
        rows = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.files[name][0])}</Size>"
            f'<LastModified>2026-11-27T10:00:00.000Z</LastModified><ETag>"e"</ETag></Contents>'
            for name in names
        )
        return _xml(f"<ListBucketResult>{rows}</ListBucketResult>")

    def _is_signed(self, request: web.Request) -> bool:
        """Check a V4 signature, as Google's page on signed URLs lays it out."""
        pairs = sorted((k, v) for k, v in request.query.items() if k != "X-Goog-Signature")
        query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in pairs)
        path = request.raw_path.partition("?")[0]
        host = f"host:{request.headers['Host']}"
        asked = f"{request.method}\n{path}\n{query}\n{host}\n\nhost\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(asked.encode()).hexdigest()
        date = request.query["X-Goog-Date"]
        place = request.query["X-Goog-Credential"].partition("/")[2]
        text = f"GOOG4-RSA-SHA256\n{date}\n{place}\n{digest}"
        signature = bytes.fromhex(request.query["X-Goog-Signature"])
        try:
            self.key.public_key().verify(signature, text.encode(), PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


@asynccontextmanager
async def google(tls: ssl.SSLContext) -> AsyncIterator[Google]:
    """Run the stub on a free port."""
    stub = Google()
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_route("*", "/{rest:.*}", stub.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    stub.port = unused_port()
    await web.TCPSite(runner, "127.0.0.1", stub.port, ssl_context=tls).start()
    try:
        yield stub
    finally:
        await runner.cleanup()


def _refused(status: int, name: str) -> web.Response:
    return _xml(f"<Error><Code>{name}</Code><Message>no</Message></Error>", status)


def _xml(text: str, status: int = 200) -> web.Response:
    return web.Response(
        text=f"<?xml version='1.0' encoding='UTF-8'?>{text}",
        status=status,
        content_type="application/xml",
    )
