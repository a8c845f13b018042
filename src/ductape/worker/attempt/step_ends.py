"""How a step has ended: its result as the store can keep it, its error with its place."""

from typing import TypeGuard

import msgspec
from msgspec.structs import replace

from ductape.domain.jsonlimits import DEFAULT
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.outcome import Failure, StoredError
from ductape.domain.steps import Step
from ductape.errors import ProviderError, ResultTooLarge
from ductape.ports.steps import StepFailed


def is_over(step: Step | None) -> TypeGuard[Step]:
    """Tell whether a step has its result already; raises `StepFailed` where it has failed."""
    if step is None or step.state != "failed" or step.error is None:
        return step is not None and step.finished
    raise StepFailed(Failure(placed(step, step.error)))


def bounded(result: JsonValue) -> JsonValue:
    """Return a result that the store can keep; raises `ResultTooLarge`."""
    try:
        size = len(msgspec.json.encode(result))
    except (TypeError, ValueError) as error:
        raise ProviderError("PROVIDER_ERROR", f"a step's result is no JSON: {error}") from error
    if size > DEFAULT.input_bytes:
        most = DEFAULT.input_bytes
        raise ResultTooLarge(f"a step's result has {size} bytes as JSON, {most} are allowed")
    return result


def placed(step: Step, error: StoredError) -> StoredError:
    """Say in which step an error was made, once."""
    if error.message.startswith("step `"):
        return error
    return replace(error, message=f"step `{step.path}`: {error.message}")
