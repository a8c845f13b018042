"""Executes a database action: its template, the input bound to it, answered as `{rows, count}`.

A read answers with rows and their number; a write with the number of rows that it wrote, and with
rows where the statement returns any. All that one action does is one transaction (SPEC 9).
"""

from typing import cast

import msgspec

from ductape.domain.database_place import Place, PlaceFault, place_of
from ductape.domain.definitions.database import DIALECTS, READS, DatabaseTarget, template_in
from ductape.domain.inputs.database import check_database, feeds, value_for
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.templates.documents import filled
from ductape.domain.templates.sql import read_template, statement_of
from ductape.errors import ValidationError, invalid
from ductape.ports.clock import Clock
from ductape.ports.database import Answer, Bounds, Databases, DocumentWork, SqlWork, Whose
from ductape.ports.handler import Invocation


class DatabaseHandler:
    """`ports.handler.Handler` for the kind `database_action`."""

    def __init__(self, databases: Databases, clock: Clock) -> None:
        """Take the connections, and the clock that the attempt's deadline is read by."""
        self._databases = databases
        self._clock = clock

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Execute the action and return `{rows, count}`.

        Raises `ValidationError` before anything is sent, `ProviderError` for what came of it.
        """
        definition = invocation.target.definition
        if faults := check_database(definition, invocation.input, resolved=True):
            raise ValidationError(faults)
        target = msgspec.convert(definition, DatabaseTarget)
        whose = Whose(invocation.product, invocation.env, target.tag)
        left_ms = invocation.context.deadline_ms - self._clock.now_ms()
        bounds = Bounds(max(left_ms, 1), target.max_result_bytes)
        place = _place(target)
        if target.database_type == "mongodb":
            documents = _documents(target, invocation)
            answer = await self._databases.documents(whose, place, documents, bounds)
        else:
            answer = await self._databases.sql(whose, place, _sql(target, invocation), bounds)
        return _result(answer)


def _place(target: DatabaseTarget) -> Place:
    try:
        return place_of(target)
    except PlaceFault as error:
        raise invalid(f"databases.{target.tag}.url", error.expected, error.found) from None


def _sql(target: DatabaseTarget, invocation: Invocation) -> SqlWork:
    text = str(template_in(invocation.target.definition))
    template = read_template(text, DIALECTS[target.database_type])
    fed = feeds(invocation.input, invocation.context.idempotency_key)
    return SqlWork(
        statements=tuple(statement_of(template, value_for(one)) for one in fed),
        reads_only=target.type in READS,
    )


def _documents(target: DatabaseTarget, invocation: Invocation) -> DocumentWork:
    template = cast("JsonObject", template_in(invocation.target.definition))
    fed = feeds(invocation.input, invocation.context.idempotency_key)
    return DocumentWork(
        action=target.type,
        templates=tuple(filled(template, value_for(one)) for one in fed),
    )


def _result(answer: Answer) -> JsonValue:
    if answer.rows is None:
        return {"count": answer.count}
    return {"rows": cast("list[JsonValue]", answer.rows), "count": answer.count}
