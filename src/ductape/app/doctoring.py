"""`ductape doctor`: looking at a store and all that it needs, changing nothing (SPEC 13, 16).

A store that is not there yet, or whose schema is not this release's, is told of and not opened:
opening would make it. What cannot be reached ends the look; all that was found till then is told.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from msgspec.structs import replace

from ductape.app.configuration.loading import shown_store
from ductape.app.configuration.origins import Origins, SettingFact, effective
from ductape.app.configuration.routing import DEFAULT, store_map
from ductape.app.configuration.settings import PREFIX, Settings
from ductape.app.core import Core, Surroundings
from ductape.app.opening import key_file_of, open_bare, schema_numbers
from ductape.app.system import SystemClock
from ductape.errors import ConfigError, DuctapeError, StoreError
from ductape.ports.entropy import Entropy
from ductape.ports.stores import Store
from ductape.ports.vault import Vault
from ductape.services.doctor import Examination, Finding, Report, findings, report, routes, whole
from ductape.services.doctor.whole import KeyFacts
from ductape.services.settling import decider
from ductape.vault import KeyRing, RingVault, load_or_make, parse_ring, ring_status


async def examine(settings: Settings, origins: Origins) -> Report:
    """Look at what the settings name; every error of the store or the settings is a finding."""
    around = Surroundings()
    found = _of_this_program(settings, origins, around)
    reachable = False
    try:
        async for finding in _of_store(settings, around):
            found.append(finding)
        reachable = True
        found += await _of_routes(settings, around)
    except StoreError as error:
        found.append(_told("store", "url", error))
    except ConfigError as error:
        found.append(_told("settings", error.path or "all", error))
    return report(shown_store(settings.store), found, reachable=reachable)


async def examine_open(core: Core, origins: Origins) -> Report:
    """Look at an open store; raises `StoreError` where it does not answer any more."""
    schema, newest = await schema_numbers(core.settings)
    found = [
        *_of_this_program(core.settings, origins, core.around),
        whole.schema(schema, newest),
        *await _of_keys(core.vault, core.store),
        *await _of_contents(core.stores[DEFAULT], core.around),
        *await _of_routes(core.settings, core.around),
    ]
    return report(shown_store(core.settings.store), found, reachable=True)


async def _of_store(settings: Settings, around: Surroundings) -> AsyncIterator[Finding]:
    schema, newest = await schema_numbers(settings)
    yield whole.schema(schema, newest)
    try:
        ring = _existing_ring(settings, around.entropy)
    except ConfigError as error:
        yield _told("keys", "ring", error)
        ring = None
    else:
        if ring is None:
            yield _without_ring(settings)
    if not whole.fits(schema, newest):
        return
    async with _opened(settings, around) as store:
        vault = None if ring is None else RingVault(ring, around.entropy)
        for finding in await _of_keys(vault, store):
            yield finding
        for finding in await _of_contents(store, around):
            yield finding


async def _of_routes(settings: Settings, around: Surroundings) -> list[Finding]:
    """Tell which store each product goes to, where there are several; change none of them."""
    told: list[Finding] = []
    for name, url in settings.urls().items() if settings.stores else ():
        one = replace(settings, store=url)
        try:
            if not whole.fits(*await schema_numbers(one)):
                told.append(routes.unready(name, shown_store(url)))
                continue
            async with _opened(one, around) as store:
                [view] = await store_map({name: url}, settings.routes, {name: store})
            told.append(routes.route(view["name"], view["url"], view["routes"]))
            told += [routes.stray(product, view["name"]) for product in view["strays"]]
        except StoreError as error:
            told.append(_told("routing", name, error))
    return told


@asynccontextmanager
async def _opened(settings: Settings, around: Surroundings) -> AsyncGenerator[Store]:
    decide = decider(around.entropy, around.zones.get)
    token = around.entropy.token(6).hex()
    store = await open_bare(settings, decide=decide, token=token, simulated=False)
    try:
        yield store
    finally:
        await store.aclose()


async def _of_contents(store: Store, around: Surroundings) -> list[Finding]:
    return await Examination(store, clock=around.clock, machine=SystemClock()).findings()


def _existing_ring(settings: Settings, entropy: Entropy) -> KeyRing | None:
    """Return the keys that there are, and make none; raises `ConfigError`."""
    if settings.key is not None:
        return parse_ring(settings.key)
    path = key_file_of(settings)
    return load_or_make(path, entropy)[0] if path is not None and path.exists() else None


def _without_ring(settings: Settings) -> Finding:
    path = key_file_of(settings)
    if path is None:
        return findings.fault(
            "keys",
            "ring",
            "a PostgreSQL store is shared by many hosts, and no keys are given",
            remedy="set DUCTAPE_KEY to the same keys on every host",
        )
    return findings.warning(
        "keys",
        "ring",
        f"there is no key file {path}",
        remedy="the first opening makes one; if the store was used before, bring its keys back",
    )


async def _of_keys(vault: Vault | None, store: Store) -> list[Finding]:
    """Judge the ring's keys and those that the store was sealed with; without a ring the latter."""
    if vault is None:
        seen = await store.secrets.key_checks()
        return [whole.key(_gone(key_id, newest=at == 0)) for at, key_id in enumerate(seen)]
    known = await ring_status(vault, store.secrets)
    return [
        whole.key(
            KeyFacts(
                one.id, seals=one.seals, in_ring=one.in_ring, newest_seen=one.last, fits=one.fits
            )
        )
        for one in known
    ]


def _gone(key_id: str, *, newest: bool) -> KeyFacts:
    return KeyFacts(key_id, seals=False, in_ring=False, newest_seen=newest, fits=False)


def _of_this_program(settings: Settings, origins: Origins, around: Surroundings) -> list[Finding]:
    return [
        findings.ok("store", "url", shown_store(settings.store)),
        whole.zones(around.zones.version()),
        *(_of_setting(one) for one in effective(settings, origins)),
    ]


def _of_setting(fact: SettingFact) -> Finding:
    said = f"{_value(fact)} ({fact.origin})"
    figures = {"value": fact.value, "origin": fact.origin}
    if fact.path == "key" and fact.origin == "file":
        remedy = f"give it as {PREFIX}KEY, or in a key file, so that it lies in no settings file"
        return findings.warning("settings", fact.path, said, remedy=remedy, details=figures)
    return findings.ok("settings", fact.path, said, details=figures)


def _value(fact: SettingFact) -> str:
    match fact.value:
        case None | []:
            return "none"
        case list():
            return ", ".join(str(one) for one in fact.value)
        case _:
            return str(fact.value)


def _told(section: findings.Section, subject: str, error: DuctapeError) -> Finding:
    return findings.fault(
        section,
        subject,
        error.message,
        remedy=error.hint or error.remedy,
        details={"code": error.code, "path": error.path},
    )
