"""What reaches out of this process for products, each way guarded: services, databases, files."""

from dataclasses import dataclass

from ductape.app.configuration.loading import is_postgres
from ductape.app.configuration.settings import Settings
from ductape.app.folders import caller_roots, database_files, storage_roots
from ductape.domain.egress import EgressPolicy
from ductape.ports.clock import Clock
from ductape.ports.entropy import Entropy
from ductape.ports.threads import Threads
from ductape.providers.brokers import BrokerPool
from ductape.providers.databases import PooledDatabases
from ductape.providers.http import AiohttpClient
from ductape.providers.storage import ConfinedFiles, LocalBlobs, StoredFiles, Tunnel
from ductape.providers.tokens import TokenKeeper
from ductape.services.secrets import Secrets


@dataclass(frozen=True)
class Outside:
    """The ways out; they are opened as they are needed, and closed together."""

    policy: EgressPolicy
    """What definitions may reach: the embedded default grants this machine itself."""
    http: AiohttpClient
    tokens: TokenKeeper
    """Those that other services ask for: one for all, or a refresh token would be used twice."""
    databases: PooledDatabases
    """Of products; never a store."""
    blobs: StoredFiles
    """What keeps files, in folders and buckets."""
    local_files: ConfinedFiles
    """The files of this host that callers may upload."""
    brokers: BrokerPool

    async def aclose(self) -> None:
        """Close every connection; twice is harmless."""
        await self.brokers.aclose()
        await self.http.aclose()
        await self.blobs.aclose()
        await self.databases.aclose()


def ways_out(
    settings: Settings, clock: Clock, entropy: Entropy, threads: Threads, secrets: Secrets
) -> Outside:
    """Make the ways out that the operator's settings allow."""
    embedded = not is_postgres(settings.store)
    policy = EgressPolicy(settings.egress.allow_private, grant_loopback=embedded)
    http = AiohttpClient(policy)
    tokens = TokenKeeper(http, clock, secrets)
    folders = LocalBlobs(storage_roots(settings), threads, entropy)
    return Outside(
        policy=policy,
        http=http,
        tokens=tokens,
        databases=PooledDatabases(policy, database_files(settings)),
        blobs=StoredFiles(folders, Tunnel(policy, entropy), tokens, clock),
        local_files=ConfinedFiles(caller_roots(settings), threads),
        brokers=BrokerPool(policy, http, clock, tokens),
    )
