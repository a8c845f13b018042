"""Results that are too large for the store: to the product's storage, or a failure (SPEC 19)."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import cast

import msgspec

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.errors import ResultTooLarge
from ductape.ports.handler import Invocation
from ductape.ports.invoke import Call

Note = Callable[[str, str], Awaitable[None]]
"""Stores that a storage, by its tag, is about to have a file of the run, by its name."""


async def fitting(
    result: JsonValue, invocation: Invocation, most_bytes: int, note: Note
) -> JsonValue:
    """Return a result that the store takes: itself, or where it lies.

    The file is noted before it is made, so that one whose worker dies now goes with its run too.
    Raises `ResultTooLarge` where the product names no storage for it, or where its definition is
    sensitive: a storage does not seal. Raises what the storage's upload raises.
    """
    if result is None or isinstance(result, bool | int | float):
        return result
    encoded = msgspec.json.encode(result)
    if len(encoded) <= most_bytes:
        return result
    target, context = invocation.target, invocation.context
    if target.result_storage is None or target.sensitive:
        message = f"the result has {len(encoded)} bytes as JSON, {most_bytes} are allowed"
        raise ResultTooLarge(message)
    # Side by side: a folder for each job would be left empty in the end.
    name = f"results/{context.job_id}-{context.run}.json"
    await note(target.result_storage, name)
    given: JsonObject = {
        "fileName": name,
        "buffer": b64encode(encoded).decode(),
        "mimeType": "application/json",
    }
    call = Call(target.result_storage, given, path="result", kind=JobEventTypes.STORAGE)
    stored = cast("JsonObject", await invocation.engine.invoke(call))
    return {"stored": {"storage": target.result_storage, **stored}}
