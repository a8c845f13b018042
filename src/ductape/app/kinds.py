"""The event kinds as they run at once in the caller's own process (SPEC 9).

Every call takes the fields of `schedule` less `start_at` and `repeat`; it is recorded as any other
job. Under the `key` of an equal one nothing runs again: that one's result is given. It raises what
`schedule` raises, and `ValidationError` for an event of another kind.
"""

from collections.abc import Mapping
from typing import TypeAlias, cast

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.request import JobEventTypes
from ductape.domain.types import IJobProcessorInput
from ductape.services.intake.at_once import AtOnce, Hire

JobData: TypeAlias = IJobProcessorInput | Mapping[str, object]


class KindProcessor:
    """Runs events in this process, by the worker that is hired for a product."""

    def __init__(self, at_once: AtOnce, hire: Hire) -> None:
        """Run events through the worker that `hire` gives."""
        self._at_once = at_once
        self._hire = hire

    async def _run(self, data: JobData, kind: JobEventTypes) -> JsonValue:
        return await self._at_once.run(cast("Mapping[str, object]", data), kind, self._hire)


class ActionProcessor(KindProcessor):
    """`processor.action`."""

    async def run(self, data: JobData) -> JsonValue:
        """Call an app's action at once."""
        return await self._run(data, JobEventTypes.ACTION)


class NotificationProcessor(KindProcessor):
    """`processor.notification`."""

    async def send(self, data: JobData) -> JsonValue:
        """Send a notification at once."""
        return await self._run(data, JobEventTypes.NOTIFICATION)


class DatabaseProcessor(KindProcessor):
    """`processor.db`."""

    async def execute(self, data: JobData) -> JsonValue:
        """Execute a database action at once."""
        return await self._run(data, JobEventTypes.DB_ACTION)


class StorageProcessor(KindProcessor):
    """`processor.storage`."""

    async def run(self, data: JobData) -> JsonValue:
        """Do one operation on a storage at once."""
        return await self._run(data, JobEventTypes.STORAGE)


class FunctionProcessor(KindProcessor):
    """`processor.function`."""

    async def invoke(self, data: JobData) -> JsonValue:
        """Invoke a function at once."""
        return await self._run(data, JobEventTypes.FUNCTION)


class QuotaProcessor(KindProcessor):
    """`processor.quota`."""

    async def run(self, data: JobData) -> JsonValue:
        """Check, count or reset a quota at once."""
        return await self._run(data, JobEventTypes.QUOTA)


class FallbackProcessor(KindProcessor):
    """`processor.fallback`."""

    async def run(self, data: JobData) -> JsonValue:
        """Try a fallback's options at once."""
        return await self._run(data, JobEventTypes.FALLBACK)


class FeatureProcessor(KindProcessor):
    """`processor.feature`."""

    async def run(self, data: JobData) -> JsonValue:
        """Run a feature at once, and wait for its end."""
        return await self._run(data, JobEventTypes.FEATURE)


class BrokerProcessor(KindProcessor):
    """`processor.broker`."""

    async def publish(self, data: JobData) -> JsonValue:
        """Publish a message at once."""
        return await self._run(data, JobEventTypes.PUBLISH)

    async def subscribe(self, data: JobData) -> JsonValue:
        """Take messages of a topic, and wait until the subscription ends."""
        return await self._run(data, JobEventTypes.SUBSCRIBE)
