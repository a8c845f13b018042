"""A storage as its handler sees it: one attempt against a folder or a real bucket."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from ductape.app.system import SystemClock, SystemEntropy
from ductape.domain.egress import EgressPolicy
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.errors import ProviderError
from ductape.handlers.storage import StorageHandler
from ductape.ports.http import HttpClient
from ductape.providers.http import AiohttpClient
from ductape.providers.storage import ConfinedFiles, LocalBlobs, Roots, StoredFiles, Tunnel
from ductape.providers.tokens import TokenKeeper
from ductape.worker.threads import WorkerThreads
from tests.unit.handlers.builders import FixedClock, RecordingContext, an_invocation

LOOPBACK = EgressPolicy(grant_loopback=True)


class NoSecrets:
    """No refresh token is ever rotated here."""

    async def reveal(self, product: str, env: str, name: str) -> str | None:
        raise NotImplementedError

    async def renew(self, product: str, env: str, name: str, *, old: str, new: str) -> bool:
        raise NotImplementedError


@dataclass
class Stored:
    """One storage and the handler that works on it."""

    handler: StorageHandler
    definition: JsonObject
    context: RecordingContext = field(default_factory=RecordingContext)

    async def act(self, given: JsonObject, **changes: JsonValue) -> JsonObject:
        """Run one attempt; `changes` are to the definition."""
        invocation = an_invocation(
            JobEventTypes.STORAGE, {**self.definition, **changes}, given, context=self.context
        )
        return cast("JsonObject", await self.handler(invocation))

    async def upload(self, name: str, content: bytes, **more: JsonValue) -> JsonObject:
        """Upload content from the input."""
        return await self.act({"fileName": name, "buffer": as_base64(content), **more})

    async def download(self, name: str) -> JsonObject:
        """Download a file."""
        return await self.act({"operation": "download", "fileName": name})

    async def names(self, **given: JsonValue) -> list[str]:
        """List the names of all files."""
        page = await self.act({"operation": "list", **given})
        files = cast("list[JsonObject]", page["files"])
        return [str(one["fileName"]) for one in files]

    async def refused(self, given: JsonObject, **changes: JsonValue) -> ProviderError:
        """Run an attempt that must fail."""
        with pytest.raises(ProviderError) as raised:
            await self.act(given, **changes)
        return raised.value


@asynccontextmanager
async def stored(
    definition: JsonObject,
    *roots: Path,
    policy: EgressPolicy = LOOPBACK,
    barred: tuple[Path, ...] = (),
    trusted: bytes | None = None,
    http: HttpClient | None = None,
) -> AsyncIterator[Stored]:
    """Join a handler with what it works on, and close that in the end."""
    allowed = Roots(tuple(map(str, roots)), tuple(map(str, barred)))
    threads, entropy = WorkerThreads(), SystemEntropy()
    folders = LocalBlobs(allowed, threads, entropy)
    client = AiohttpClient(policy)
    tunnel, clock = Tunnel(policy, entropy), SystemClock()
    blobs = StoredFiles(
        folders, tunnel, TokenKeeper(http or client, clock, NoSecrets()), clock, trusted=trusted
    )
    handler = StorageHandler(blobs, ConfinedFiles(allowed, threads), client, FixedClock())
    context = RecordingContext(deadline_ms=FixedClock.now + 30_000)
    try:
        yield Stored(handler, definition, context)
    finally:
        await blobs.aclose()
        await client.aclose()


def as_base64(content: bytes) -> str:
    """Encode content as an input has it."""
    return b64encode(content).decode()
