"""What applying a document comes to, and what it leaves to be done by people (SPEC 8)."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypedDict

from ductape.domain.product import Change, Product, secrets_of, undeclared
from ductape.errors import Conflict, Fault
from ductape.services.products.declaring import ScheduleChange
from ductape.services.products.stranding import MOST_LISTED, KnownHandlers, StrandedJob

SecretNames = Callable[[str], Awaitable[list[tuple[str, str]]]]
"""Lists (env, name) of a product's secrets; env is empty for the whole product."""
Lacking = Callable[[Product], Awaitable[list[str]]]
"""Tells what a product needs that is not in its document, and that is not there yet."""


class AppliedProduct(TypedDict):
    """What applying a document did, or with `dry_run` would do."""

    tag: str
    version: int
    """The current one after the call; 0 where there is none yet."""
    changed: bool
    """Whether the document differs from the current version."""
    diff: list[Change]
    warnings: list[str]
    stranded: list[StrandedJob]
    schedules: list[ScheduleChange]
    """The jobs of schedules that were made, changed or ended."""


class DeclaredThings(Protocol):
    """What a product declares that lives outside of its document: its recurring jobs."""

    def shapes(self, product: Product) -> list[Fault]:
        """Tell what is wrong with how it is declared."""
        ...

    async def judged(
        self, product: Product, before: Product | None
    ) -> tuple[list[Fault], list[str]]:
        """Tell what would not be taken, had the document been applied, and what to beware of."""
        ...

    async def planned(
        self, product: Product, version: int
    ) -> tuple[list[ScheduleChange], list[str]]:
        """Tell what a version would do, and what it would leave as it is although it ended."""
        ...

    async def keep(self, product: Product, version: int) -> list[ScheduleChange]:
        """Do all that a stored version asks for; tells what was done."""
        ...

    async def finish(self, product: Product, version: int) -> None:
        """Do what is left to be ended, before another version follows this one."""
        ...


def lacking_of(secret_names: SecretNames, known_handlers: KnownHandlers) -> Lacking:
    """Make what warns of secrets and handlers that are not there yet."""

    async def lacking(product: Product) -> list[str]:
        secrets = _missing_secrets(product, await secret_names(product.tag))
        return [*secrets, *await _missing_handlers(product, known_handlers)]

    return lacking


def _missing_secrets(product: Product, kept: list[tuple[str, str]]) -> list[str]:
    """Tell which secrets the product needs and does not have yet."""
    slugs = [env.slug for env in product.envs]
    lacking: dict[str, list[str]] = {}
    for slug in slugs:
        for name in secrets_of(product, slug):
            if ("", name) not in kept and (slug, name) not in kept:
                lacking.setdefault(name, []).append(slug)
    return [
        warning
        for name, envs in sorted(lacking.items())
        for warning in _missing_secret(product.tag, name, envs if envs != slugs else [""])
    ]


def _missing_secret(tag: str, name: str, envs: list[str]) -> list[str]:
    return [
        f"the secret `{name}` does not exist yet{f' for env `{env}`' if env else ''}:"
        f" `ductape secrets set {name} --product {tag}{f' --env {env}' if env else ''}`"
        for env in envs
    ]


async def _missing_handlers(product: Product, known_handlers: KnownHandlers) -> list[str]:
    """Tell what the product calls and does not declare, and no worker has yet."""
    called = [*undeclared(product)]
    known = await known_handlers(frozenset[str]().union(*(one.tags for one in called)))
    return [
        f"{one.path}: `{one.event}` is not declared, and no worker has announced it"
        f" as a {_or(sorted(tag.partition(':')[0] for tag in one.tags))} yet"
        for one in called
        if not one.tags & known
    ]


def _or(words: list[str]) -> str:
    """Join words for a choice.

    >>> _or(["feature", "function", "job"]), _or(["job"])
    ('feature, function or job', 'job')
    """
    return " or ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def would_strand(plan: AppliedProduct) -> Conflict:
    """Refuse to apply without force."""
    stranded = plan["stranded"]
    count = f"{len(stranded)} or more" if len(stranded) == MOST_LISTED else str(len(stranded))
    first = stranded[0]
    return Conflict(
        f"{count} live jobs would be stranded, such as {first['job_id']}: {first['reason']}",
        hint="cancel them, or apply with force to let them fail",
        details={"stranded": stranded},
    )
