"""The calls of an open `Ductape`, one line each, from their signatures and docstrings."""

from collections.abc import Iterator
from inspect import Parameter, Signature, isfunction, signature

from ductape.app.ductape import Ductape
from ductape.app.importing import Imports
from ductape.app.kinds import (
    ActionProcessor,
    BrokerProcessor,
    DatabaseProcessor,
    FallbackProcessor,
    FeatureProcessor,
    FunctionProcessor,
    NotificationProcessor,
    QuotaProcessor,
    StorageProcessor,
)
from ductape.app.processor import JobProcessor
from ductape.services.caches import Caches
from ductape.services.features import Features
from ductape.services.healthchecks import HealthService
from ductape.services.jobs.verbs import Jobs
from ductape.services.products.applying import ProductService
from ductape.services.queues import QueueService
from ductape.services.secrets import Secrets
from ductape.services.sessions import Sessions
from ductape.services.workers import Workers

_SERVICES: dict[str, type] = {
    "processor.job": JobProcessor,
    "processor.sessions": Sessions,
    "processor.action": ActionProcessor,
    "processor.notification": NotificationProcessor,
    "processor.db": DatabaseProcessor,
    "processor.storage": StorageProcessor,
    "processor.function": FunctionProcessor,
    "processor.feature": FeatureProcessor,
    "processor.broker": BrokerProcessor,
    "processor.quota": QuotaProcessor,
    "processor.fallback": FallbackProcessor,
    "jobs": Jobs,
    "products": ProductService,
    "secrets": Secrets,
    "caches": Caches,
    "queues": QueueService,
    "workers": Workers,
    "features": Features,
    "health": HealthService,
    "imports": Imports,
    "": Ductape,
}
"""By what stands before the call."""

_OURS = frozenset({"secrets.reveal", "secrets.renew"})
"""What only a running attempt asks for."""


def call_rows() -> Iterator[str]:
    """Yield a row of the table for each call."""
    for service, kind in _SERVICES.items():
        for name, member in vars(kind).items():
            called = f"{service}.{name}" if service else name
            if isfunction(member) and not name.startswith("_") and called not in _OURS:
                said = (member.__doc__ or "").strip().splitlines()[0]
                yield f"| `{called}{_parameters(signature(member))}` | {said} |"


def _parameters(of: Signature) -> str:
    """Return the parameters without their annotations."""
    bare = [
        one.replace(annotation=Parameter.empty)
        for one in of.parameters.values()
        if one.name != "self"
    ]
    return str(Signature(bare)).replace("|", "\\|")
