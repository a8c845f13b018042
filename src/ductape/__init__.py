"""Ductape for Python: the durable job scheduler.

    async with Ductape.open() as ductape:
        receipt = await ductape.processor.job.dispatch({...})

Names are loaded when they are first asked for, so that importing one inner module does not load
the world. `__all__` has what most programs need; what annotations name besides can be imported
from here too, and so can every error.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ductape.app.ductape import Ductape
    from ductape.app.preview import preview
    from ductape.domain.references import literal
    from ductape.domain.request import JobEventTypes
    from ductape.domain.types import (
        IActionRequest,
        IDbActionRequest,
        IFunctionRequest,
        IJobProcessorInput,
        IJobRepeatOptions,
        INotificationRequest,
        ISession,
        IStorageRequest,
    )
    from ductape.domain.wire import HistoryView as HistoryView
    from ductape.domain.wire import JobView as JobView
    from ductape.domain.wire import Receipt as Receipt
    from ductape.errors import ConfigError as ConfigError
    from ductape.errors import Conflict as Conflict
    from ductape.errors import (
        DuctapeError,
        JobCancelled,
        JobFailed,
        NotFound,
        ProviderError,
        ResultTimeout,
        ValidationError,
    )
    from ductape.errors import QuotaExceeded as QuotaExceeded
    from ductape.errors import ReferenceMissing as ReferenceMissing
    from ductape.errors import ResultTooLarge as ResultTooLarge
    from ductape.errors import SessionExpired as SessionExpired
    from ductape.errors import SessionInvalid as SessionInvalid
    from ductape.errors import StoreError as StoreError
    from ductape.handlers.python import AsyncContext as AsyncContext
    from ductape.handlers.python import FeatureContext, Handlers
    from ductape.handlers.python import ThreadContext as ThreadContext
    from ductape.ports.handler import Abort, Retry
    from ductape.ports.steps import StepFailed
    from ductape.worker.options import WorkerOptions

_HOMES = {
    "Abort": "ductape.ports.handler",
    "Ductape": "ductape.app.ductape",
    "DuctapeError": "ductape.errors",
    "FeatureContext": "ductape.handlers.python",
    "Handlers": "ductape.handlers.python",
    "IActionRequest": "ductape.domain.types",
    "IDbActionRequest": "ductape.domain.types",
    "IFunctionRequest": "ductape.domain.types",
    "IJobProcessorInput": "ductape.domain.types",
    "IJobRepeatOptions": "ductape.domain.types",
    "INotificationRequest": "ductape.domain.types",
    "ISession": "ductape.domain.types",
    "IStorageRequest": "ductape.domain.types",
    "JobCancelled": "ductape.errors",
    "JobEventTypes": "ductape.domain.request",
    "JobFailed": "ductape.errors",
    "NotFound": "ductape.errors",
    "ProviderError": "ductape.errors",
    "ResultTimeout": "ductape.errors",
    "Retry": "ductape.ports.handler",
    "StepFailed": "ductape.ports.steps",
    "ValidationError": "ductape.errors",
    "WorkerOptions": "ductape.worker.options",
    "literal": "ductape.domain.references",
    "preview": "ductape.app.preview",
}
_BESIDE = {
    "AsyncContext": "ductape.handlers.python",
    "HistoryView": "ductape.domain.wire",
    "JobView": "ductape.domain.wire",
    "Receipt": "ductape.domain.wire",
    "ThreadContext": "ductape.handlers.python",
}
"""What only annotations name: not listed, so that what a program needs is found at a glance."""

__all__ = [
    "Abort",
    "Ductape",
    "DuctapeError",
    "FeatureContext",
    "Handlers",
    "IActionRequest",
    "IDbActionRequest",
    "IFunctionRequest",
    "IJobProcessorInput",
    "IJobRepeatOptions",
    "INotificationRequest",
    "ISession",
    "IStorageRequest",
    "JobCancelled",
    "JobEventTypes",
    "JobFailed",
    "NotFound",
    "ProviderError",
    "ResultTimeout",
    "Retry",
    "StepFailed",
    "ValidationError",
    "WorkerOptions",
    "literal",
    "preview",
]


def __getattr__(name: str) -> object:
    """Load a public name from its home (PEP 562)."""
    home = _HOMES.get(name) or _BESIDE.get(name)
    if home is not None:
        return getattr(import_module(home), name)
    # Any error of the tree can be named here, although only the usual ones are listed.
    errors = import_module("ductape.errors")
    if name in vars(errors) and isinstance(vars(errors)[name], type):
        return vars(errors)[name]
    raise AttributeError(f"module 'ductape' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name what can be asked for, for whoever completes it at a prompt."""
    return sorted({*globals(), *__all__, *_BESIDE})
