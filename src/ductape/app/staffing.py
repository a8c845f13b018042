"""Making workers for a core: the handlers they have, the heart that keeps them alive."""

import asyncio
from collections.abc import Callable, Iterable

from ductape.app.configuration.loading import is_postgres
from ductape.app.configuration.settings import Settings
from ductape.app.configuration.wishes import WorkerWish
from ductape.app.core import Core
from ductape.app.system import worker_identity
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.request import JobEventTypes
from ductape.errors import StoreError
from ductape.handlers.action import ActionHandler
from ductape.handlers.broker import PublishHandler, SubscribeHandler
from ductape.handlers.choosing import Around, FallbackHandler, QuotaHandler
from ductape.handlers.database import DatabaseHandler
from ductape.handlers.delivery import DeliveryHandler
from ductape.handlers.feature import FeatureHandler
from ductape.handlers.function import FunctionHandler
from ductape.handlers.notification import NotificationHandler
from ductape.handlers.pointing import JobHandler
from ductape.handlers.storage import StorageHandler
from ductape.ports.handler import Handler, Invocation
from ductape.ports.stores.fleet import WorkerRecord
from ductape.providers.mail import SmtpMailer
from ductape.services.healthchecks import KnownHealth
from ductape.services.intake.injection import Injection
from ductape.worker.attempt.news import News
from ductape.worker.attempt.preparing import Preparing
from ductape.worker.attempt.running import Running
from ductape.worker.duties.clearing import Clearing
from ductape.worker.duties.upkeep import Upkeep
from ductape.worker.heartbeat import LeaseLost, LoopHeartbeat, ThreadHeartbeat
from ductape.worker.options import WorkerOptions
from ductape.worker.parts import Heart, Parts
from ductape.worker.worker import Worker


def wants_worker(wish: WorkerWish, url: str) -> bool:
    """Tell whether a store gets a worker in this process: unless told, one of SQLite does."""
    return not is_postgres(url) if wish is None else wish is not False


def options_of(wish: WorkerWish, settings: Settings) -> WorkerOptions:
    """Return the options that a caller has given, else those of the settings."""
    return wish if isinstance(wish, WorkerOptions) else settings.worker_options()


def make_worker(core: Core, options: WorkerOptions) -> Worker:
    """Make a worker, not started yet."""
    around = core.around
    preparing = Preparing(
        core.catalog,
        core.opener,
        Injection(core.secrets, around.clock),
        core.vault,
        around.clock,
        core.settings.cache.default_expiry,
    )
    parts = Parts(
        store=core.store,
        running=Running(
            core.store,
            preparing,
            _handlers(core),
            around.clock,
            News(core.store, core.telling, core.catalog, around.clock),
            core.settings.limits.result,
            core.python.tags(),
        ),
        settler=core.settler,
        upkeep=Upkeep(core.store, core.settler, around.clock, around.zones.get, options),
        clearing=Clearing(core.store, preparing, core.outside.blobs, around.clock),
        clock=around.clock,
        identify=_identify(core, options),
        heart=_heart(core, options),
    )
    return Worker(parts, options, core.python.tags())


async def first_outlived(workers: Iterable[Worker]) -> StoreError:
    """Wait until one of the workers has ended by itself; return why. Of none: for ever."""
    ends = [worker.outlived for worker in workers]
    if not ends:
        await asyncio.get_running_loop().create_future()
    done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()


def _handlers(core: Core) -> dict[JobEventTypes, Handler]:
    """Name the handler of each kind: the one line that a new kind adds."""
    clock = core.around.clock
    mailer = SmtpMailer(core.outside.policy, clock)
    tokens = core.outside.tokens
    return {
        JobEventTypes.ACTION: DeliveryHandler(
            core.outside.http, clock, ActionHandler(core.outside.http, clock, tokens)
        ),
        JobEventTypes.DB_ACTION: DatabaseHandler(core.outside.databases, clock),
        JobEventTypes.NOTIFICATION: NotificationHandler(core.outside.http, mailer, clock, tokens),
        JobEventTypes.JOB: JobHandler(core.python, clock),
        JobEventTypes.FUNCTION: FunctionHandler(core.python, core.outside.http, clock, tokens),
        JobEventTypes.FEATURE: _features(core.python),
        JobEventTypes.QUOTA: _quota_handler(core),
        JobEventTypes.FALLBACK: FallbackHandler(_choosing(core)),
        JobEventTypes.STORAGE: StorageHandler(
            core.outside.blobs,
            core.outside.local_files,
            core.outside.http,
            clock,
            core.settings.limits.result,
        ),
        JobEventTypes.PUBLISH: PublishHandler(core.outside.brokers, clock),
        JobEventTypes.SUBSCRIBE: SubscribeHandler(
            core.outside.brokers, core.ordering, clock, core.settings.subscribe.deepest_queue
        ),
    }


def _quota_handler(core: Core) -> QuotaHandler:
    """Count under the ring's oldest key: a new one must not make every subject begin anew."""
    _, secret = core.vault.derive("quota", core.vault.key_ids()[-1])
    return QuotaHandler(core.store.quotas, _choosing(core), core.around.zones.get, secret)


def _choosing(core: Core) -> Around:
    """Join what is asked about an option before it is called."""
    store, around = core.store, core.around
    return Around(store.breakers, KnownHealth(store), around.clock, around.entropy)


def _features(python: Handler) -> Handler:
    """Return what does features: those of Python, and those that a product declares."""
    declared = FeatureHandler()

    async def handle(invocation: Invocation) -> JsonValue:
        handler = declared if invocation.target.needs is None else python
        return await handler(invocation)

    return handle


def _identify(core: Core, options: WorkerOptions) -> Callable[[], WorkerRecord]:
    def identify() -> WorkerRecord:
        return worker_identity(
            core.around.clock,
            core.around.entropy,
            queues=options.queues,
            handlers=core.python.tags(),
            concurrency=options.concurrency if options.claims else 0,
        )

    return identify


def _heart(core: Core, options: WorkerOptions) -> Callable[[LeaseLost], Heart]:
    kind = LoopHeartbeat if core.around.simulated else ThreadHeartbeat

    def heart(lost: LeaseLost) -> Heart:
        return kind(core.store.fleet.pulse(), core.around.clock, options.lease_ms, lost)

    return heart
