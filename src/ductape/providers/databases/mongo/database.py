"""MongoDB databases of products, over pymongo.

A client is given a relay that leads to one server, and speaks to that one alone
(`directConnection`): what a server says about its neighbours would lead past the guard. Of several
hosts the primary is taken.
Time-outs go to the server as `maxTimeMS`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pymongo
from bson import json_util
from bson.errors import BSONError
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import InvalidOperation, PyMongoError

from ductape.domain.database_place import Place
from ductape.domain.egress import Destination, EgressPolicy
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ProviderError
from ductape.ports.database import Answer, Bounds, DocumentWork
from ductape.providers.databases.mongo.faults import (
    OUT_OF_STEP,
    connect_failure,
    failure,
    lost,
)
from ductape.providers.databases.mongo.pulse import FirstFailure
from ductape.providers.databases.mongo.relay import Relay
from ductape.providers.databases.rows import Rows, as_json
from ductape.providers.http import Guard

Document = dict[str, Any]
Collection = AsyncCollection[Document]

CONNECT_MS = 10_000
_CHUNK = 100
_EXTENDED = frozenset(
    {"$oid", "$date", "$numberDecimal", "$numberLong", "$numberDouble", "$uuid", "$binary"}
)
"""The values of Extended JSON that a template may write, each an object with this one key."""
_UNSENDABLE = (OverflowError, TypeError, ValueError)
"""What the driver says of a value that no document, or no such part of a request, can have."""
_OPTIONS = json_util.JSONOptions(tz_aware=True, tzinfo=UTC)


class MongoDatabase:
    """The connections to one database."""

    def __init__(self, place: Place, policy: EgressPolicy) -> None:
        """Open nothing yet."""
        self._place = place
        self._guard = Guard(policy)
        self._client: AsyncMongoClient[Document] | None = None
        self._relay: Relay | None = None

    async def documents(self, work: DocumentWork, bounds: Bounds) -> Answer:
        """Do operations on a collection, one after the other."""
        client = None
        try:
            with pymongo.timeout(bounds.timeout_ms / 1_000):
                client = await self._reached()
                return await _worked(client[self._place.database], work, bounds)
        except _UNSENDABLE as error:
            raise ProviderError("VALIDATION_ERROR", f"MongoDB: {error}") from error
        except (PyMongoError, BSONError) as error:
            failed = failure(error, self._place)
            # Another action found it broken, and closed it:
            if isinstance(error, InvalidOperation) and client is not self._client:
                raise lost(self._place.shown) from error
            broken = failed.code == "CONNECTION_LOST" or isinstance(error, OUT_OF_STEP)
            if broken and client is self._client:  # else somebody has connected anew already
                await self.aclose()
            raise failed from error

    async def aclose(self) -> None:
        """Close its connections."""
        client, self._client = self._client, None
        relay, self._relay = self._relay, None
        if client is not None:
            await client.close()
        if relay is not None:
            await relay.aclose()

    async def _reached(self) -> AsyncMongoClient[Document]:
        """Return the client that there is, if its way is still there or can be again; else one."""
        client, relay = self._client, self._relay
        if client is None or relay is None:
            return await self._connected()
        try:
            await relay.stay()
        except OSError:
            await self.aclose()
            return await self._connected()
        return client

    async def _connected(self) -> AsyncMongoClient[Document]:
        """Connect to the server that takes writes; raises what the last one said."""
        failed: PyMongoError | None = None
        for host, port in self._place.servers:
            relay, server = await self._way_to(host, port)
            pulse = FirstFailure()
            client = self._client_of(server, pulse)
            try:
                hello = await pulse.or_done(client.admin.command("hello"))
            except PyMongoError as error:
                failed = error
                hello = {}
            except BaseException:
                await _closed(client, relay)
                raise
            if hello.get("isWritablePrimary", hello.get("ismaster")):
                faster = self._client
                if faster is None:
                    self._client, self._relay = client, relay
                    return client
                await _closed(client, relay)
                return faster
            await _closed(client, relay)
        if failed is not None:
            raise connect_failure(failed, self._place) from failed
        raise ProviderError("SERVICE_UNAVAILABLE", f"no primary among {self._place.shown}")

    async def _way_to(self, host: str, port: int) -> tuple[Relay, str]:
        """Return the relay that leads to a server, and what pymongo connects to."""
        wanted = Destination(host, port, self._place.allow_private)
        relay = Relay(self._guard, wanted, self._place.tls)
        return relay, await relay.start()

    def _client_of(self, server: str, pulse: FirstFailure) -> AsyncMongoClient[Document]:
        place = self._place
        named: dict[str, Any] = {}
        if place.user is not None:
            named = {"username": place.user, "password": place.password, **dict(place.options)}
        return AsyncMongoClient[Document](
            f"mongodb://{server}/?directConnection=true",
            maxPoolSize=place.connections,
            serverSelectionTimeoutMS=CONNECT_MS,
            connectTimeoutMS=CONNECT_MS,
            appname="ductape",
            event_listeners=[pulse],
            retryReads=False,
            retryWrites=False,
            tz_aware=True,
            uuidRepresentation="standard",
            datetime_conversion="DATETIME_AUTO",
            **named,
        )


async def _closed(client: AsyncMongoClient[Document], relay: Relay) -> None:
    await client.close()
    await relay.aclose()


async def _worked(database: Any, work: DocumentWork, bounds: Bounds) -> Answer:  # noqa: ANN401 (pymongo's generic)
    templates = [_extended(one) for one in work.templates]
    collection: Collection = database[templates[0]["collection"]]
    match work.action:
        case "read" | "aggregate":
            return await _read(collection, templates[0], bounds)
        case "create":
            made = await collection.insert_many([one["document"] for one in templates])
            rows = Rows(bounds.max_bytes)
            for each in made.inserted_ids:
                rows.take({"_id": as_json(each)})
            return Answer(len(rows.rows), rows.rows)
        case "update":
            return Answer(sum([await _updated(collection, one) for one in templates]), None)
        case "delete":
            return Answer(sum([await _deleted(collection, one) for one in templates]), None)


async def _read(collection: Collection, template: Document, bounds: Bounds) -> Answer:
    rows = Rows(bounds.max_bytes)
    if "pipeline" in template:
        cursor: Any = await collection.aggregate(template["pipeline"], batchSize=_CHUNK)
    else:
        cursor = collection.find(
            template.get("filter") or {},
            template.get("projection"),
            sort=template.get("sort") or None,
            limit=template.get("limit") or 0,
            skip=template.get("skip") or 0,
            batch_size=_CHUNK,
        )
    async with cursor:
        async for document in cursor:
            rows.take(_row(document))
    return Answer(len(rows.rows), rows.rows)


async def _updated(collection: Collection, template: Document) -> int:
    change = collection.update_many if template.get("many", True) else collection.update_one
    upsert = bool(template.get("upsert", False))
    done = await change(template["filter"], template["update"], upsert=upsert)
    return done.matched_count + (1 if done.upserted_id is not None else 0)


async def _deleted(collection: Collection, template: Document) -> int:
    remove = collection.delete_many if template.get("many", True) else collection.delete_one
    return (await remove(template["filter"])).deleted_count


def _row(document: Mapping[str, object]) -> JsonObject:
    return {key: as_json(value) for key, value in document.items()}


def _extended(value: JsonValue) -> Any:  # noqa: ANN401 (BSON's own types among JSON's)
    match value:
        case dict() if len(value) == 1 and not _EXTENDED.isdisjoint(value):
            return _read_extended(value)
        case dict():
            return {key: _extended(member) for key, member in value.items()}
        case list():
            return [_extended(member) for member in value]
        case _:
            return value


def _read_extended(value: JsonObject) -> object:
    (name, written), *_ = value.items()
    try:
        if name == "$date" and isinstance(written, str):
            return datetime.fromisoformat(written)
        return json_util.object_hook(value, _OPTIONS)
    except (TypeError, ValueError, ArithmeticError, BSONError) as error:
        raise ProviderError("VALIDATION_ERROR", f"a value that is no `{name}`") from error
