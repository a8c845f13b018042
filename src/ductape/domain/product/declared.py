"""The recurring jobs that a product's document asks for: its healthchecks and its schedules.

Each is known by a key, made of its tag, its app and its event: what names another event is another
job. `asked` makes the request that `schedule(data)` would get.
"""

from collections.abc import Iterator
from hashlib import blake2b

from msgspec import Struct

from ductape.domain.fingerprint import canonical
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.addressed import addressed
from ductape.domain.product.checks import all_checks, slugs_with
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.healthcheck import Check
from ductape.domain.product.format.schedule import Schedule, ScheduleEnv, fields_of

VERSION_WORDS = {"healthcheck": "version", "schedule": "schedule_version"}
"""Under which name a job's metadata has the version of the product that it was made by."""
START_WORD = "schedule_start_at"
"""Under which name a job's metadata has the declared start: it is no part of what makes recurring
requests equal, and changing it changes the schedule."""

_DIGEST_BYTES = 6


class Declared(Struct, frozen=True):
    """One job that a document asks for, in one env."""

    owner: str
    """`healthcheck` or `schedule`: under this name the job's metadata has the tag."""
    tag: str
    env: str
    event: str
    key: str
    fields: JsonObject
    """Those of a request that the document gives, `repeat` among them where it is given."""
    app: str | None = None
    path: str = ""
    """Where the document declares it, as `schedules[0]`."""
    own_path: str = ""
    """Where it has what is different in the env, as `schedules[0].envs[1]`."""
    own: frozenset[str] = frozenset()
    """Which fields those are."""
    input_word: str = "input"
    """What the document calls the input."""

    def place(self, path: str) -> str:
        """Return where the document has what a request has at a path."""
        head = path.partition(".")[0].partition("[")[0]
        if head == "input":
            path = self.input_word + path.removeprefix(head)
        return f"{self.own_path if head in self.own else self.path}.{path}"


def all_declared(product: Product) -> tuple[Declared, ...]:
    """Return every job that a product's document asks for."""
    return (*_checks_of(product), *schedules_of(product))


def schedules_of(product: Product) -> Iterator[Declared]:
    """Yield every schedule in every env that it runs in."""
    for at, schedule in enumerate(product.schedules):
        path = f"schedules[{at}]"
        apps = {one.app for one in addressed(product, schedule.event)}
        there = slugs_with(product, *({schedule.app} if schedule.app else apps))
        envs = schedule.envs or tuple(map(ScheduleEnv, there))
        for place, env in enumerate(envs):
            yield _of_schedule(schedule, env, path, f"{path}.envs[{place}]")


def asked(declared: Declared, product: str, version: int | str) -> JsonObject:
    """Make the request for a job; the version that makes it sets it apart from earlier ones."""
    given = declared.fields
    own = given.get("metadata")
    marks: JsonObject = {declared.owner: declared.tag}
    marks[VERSION_WORDS[declared.owner]] = str(version)
    if "start_at" in given:
        marks[START_WORD] = str(given["start_at"])
    return {
        "input": {},
        "start_at": 0,
        **given,
        "product_tag": product,
        "env": declared.env,
        "event": declared.event,
        "app": declared.app,
        "key": declared.key,
        "metadata": {**own, **marks} if isinstance(own, dict) else marks if own is None else own,
    }


def _checks_of(product: Product) -> Iterator[Declared]:
    places = {one.tag: at for at, one in enumerate(product.healthchecks)}
    for check in all_checks(product):
        path = f"healthchecks[{places[check.tag]}]"
        slugs = [env.slug for env in product.healthchecks[places[check.tag]].envs]
        there = check.env in slugs
        yield _of_check(check, path, f"{path}.envs[{slugs.index(check.env)}]" if there else path)


def _of_check(check: Check, path: str, own_path: str) -> Declared:
    repeat: JsonObject = {"every": check.every_ms}
    return Declared(
        owner="healthcheck",
        tag=check.tag,
        env=check.env,
        event=check.event,
        key=check.key,
        fields={"input": check.input, "retries": check.retries, "repeat": repeat},
        app=check.app,
        path=path,
        own_path=own_path,
        own=frozenset({"input"}),
        input_word="inputs",
    )


def _of_schedule(schedule: Schedule, env: ScheduleEnv, path: str, own_path: str) -> Declared:
    own = fields_of(env)
    return Declared(
        owner="schedule",
        tag=schedule.tag,
        env=env.slug,
        event=schedule.event,
        key=_key(schedule),
        fields={**fields_of(schedule), **own},
        app=schedule.app,
        path=path,
        own_path=own_path,
        own=frozenset(own),
    )


def _key(schedule: Schedule) -> str:
    named = canonical([schedule.tag, schedule.app, schedule.event])
    digest = blake2b(named, digest_size=_DIGEST_BYTES).hexdigest()
    return f"schedule:{schedule.tag[:150]}:{digest}"
