"""Results that are too large for the store: to the product's storage, or a failure (SPEC 19)."""

from base64 import b64encode
from typing import cast

import msgspec

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.errors import ResultTooLarge
from ductape.ports.handler import Invocation
from ductape.ports.invoke import Call


async def fitting(result: JsonValue, invocation: Invocation, most_bytes: int) -> JsonValue:
    """Return a result that the store takes: itself, or where it lies.

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
    given: JsonObject = {
        "fileName": f"results/{context.job_id}/{context.run}.json",
        "buffer": b64encode(encoded).decode(),
        "mimeType": "application/json",
    }
    call = Call(target.result_storage, given, path="result", kind=JobEventTypes.STORAGE)
    stored = cast("JsonObject", await invocation.engine.invoke(call))
    return {"stored": {"storage": target.result_storage, **stored}}
