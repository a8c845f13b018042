"""A database action as an attempt executes it, against a real database."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.errors import ProviderError
from ductape.handlers.database import DatabaseHandler
from ductape.providers.databases import PooledDatabases
from tests.unit.handlers.builders import FixedClock, RecordingContext, an_invocation

KINDS = {"SELECT": "read", "WITH": "read", "INSERT": "create", "UPDATE": "update"}
"""What an action whose template begins so is, unless it is said."""


@dataclass
class Ground:
    """A database, what is known of it, and the handler that works on it."""

    place: JsonObject
    """The definition's part that says where it is."""
    handler: DatabaseHandler
    databases: PooledDatabases
    root: Callable[[str], list[tuple[object, ...]]]
    """Executes SQL by the front door, for what a test prepares and looks at."""
    context: RecordingContext = field(default_factory=RecordingContext)

    async def act(
        self,
        template: JsonValue,
        *,
        data: JsonValue = None,
        where: JsonObject | None = None,
        timeout_ms: int = 20_000,
        **definition: JsonValue,
    ) -> dict[str, JsonValue]:
        """Run one attempt; `where` is the input's `filter`."""
        kind = KINDS.get(str(template).split(" ", 1)[0], "delete")
        whole: JsonObject = {
            "tag": "main",
            "type": kind,
            "template": template,
            "allow_private": True,
            **self.place,
            **definition,
        }
        given = {"data": data, "filter": where}
        self.context.deadline_ms = FixedClock.now + timeout_ms
        invocation = an_invocation(
            JobEventTypes.DB_ACTION,
            whole,
            {key: value for key, value in given.items() if value is not None},
            context=self.context,
        )
        result = await self.handler(invocation)
        assert isinstance(result, dict)
        return result

    async def rows(self, template: JsonValue, **more: JsonValue) -> list[JsonValue]:
        """Run a read and return its rows."""
        found = (await self.act(template, **more))["rows"]
        assert isinstance(found, list)
        return found

    async def until(self, sql: str, row: tuple[object, ...]) -> None:
        """Wait until the one row of a look by the front door is this one."""
        while self.root(sql) != [row]:  # noqa: ASYNC110 (another process has no event)
            await asyncio.sleep(0)

    async def refused(self, template: JsonValue, **more: JsonValue) -> ProviderError:
        """Run an attempt that the database must refuse."""
        with pytest.raises(ProviderError) as raised:
            await self.act(template, **more)
        return raised.value

    async def code(self, template: JsonValue, **more: JsonValue) -> str:
        """Run an attempt that must be refused, and return the code."""
        return (await self.refused(template, **more)).code
