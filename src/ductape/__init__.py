"""Ductape for Python: the durable job scheduler.

    async with Ductape.open() as ductape:
        receipt = await ductape.processor.job.dispatch({...})

Names are loaded when they are first asked for, so that importing one inner module does not load
the world.
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
    from ductape.errors import (
        DuctapeError,
        JobCancelled,
        JobFailed,
        NotFound,
        ProviderError,
        ResultTimeout,
        ValidationError,
    )
    from ductape.handlers.python import Handlers
    from ductape.ports.handler import Abort, Retry
    from ductape.worker.options import WorkerOptions

_HOMES = {
    "Abort": "ductape.ports.handler",
    "Ductape": "ductape.app.ductape",
    "DuctapeError": "ductape.errors",
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
    "ValidationError": "ductape.errors",
    "WorkerOptions": "ductape.worker.options",
    "literal": "ductape.domain.references",
    "preview": "ductape.app.preview",
}

__all__ = [
    "Abort",
    "Ductape",
    "DuctapeError",
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
    "ValidationError",
    "WorkerOptions",
    "literal",
    "preview",
]


def __getattr__(name: str) -> object:
    """Load a public name from its home (PEP 562)."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    # Any error of the tree can be named here, although only the usual ones are listed.
    errors = import_module("ductape.errors")
    if name in vars(errors) and isinstance(vars(errors)[name], type):
        return vars(errors)[name]
    raise AttributeError(f"module 'ductape' has no attribute {name!r}")
