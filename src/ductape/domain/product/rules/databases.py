"""Rules about databases: where they are, templates that only take values (SPEC 9)."""

from collections.abc import Iterable, Iterator

from ductape.domain.database_place import PlaceFault, password_in, read_url
from ductape.domain.definitions.database import DIALECTS, READS
from ductape.domain.found import kind_of, path_to
from ductape.domain.product.format.database import Database, DatabaseAction, DatabaseEnv
from ductape.domain.product.format.document import Product
from ductape.domain.product.format.places import is_placed
from ductape.domain.product.rules.credentials import literal_credential
from ductape.domain.product.secrets import holds_secret
from ductape.domain.templates.documents import DocumentFault, read_document
from ductape.domain.templates.placeholders import ANY, Placeholder
from ductape.domain.templates.sql import TemplateFault, judge_statement, read_template
from ductape.errors import Fault, fault


def database_faults(product: Product) -> Iterator[Fault]:
    """Tell what is wrong with each database: its places and its templates."""
    for at, database in enumerate(product.databases):
        path = f"databases[{at}]"
        if not is_placed(database) and not any(is_placed(env) for env in database.envs):
            yield fault(f"{path}.url", "where the database is, here or in `envs`", "nothing")
        yield from _place_faults(database, database, path, product)
        for place, env in enumerate(database.envs):
            yield from _place_faults(env, database, f"{path}.envs[{place}]", product)
        for place, action in enumerate(database.actions):
            yield from _template_faults(database, action, f"{path}.actions[{place}].template")


def _place_faults(
    part: Database | DatabaseEnv, database: Database, path: str, product: Product
) -> Iterator[Fault]:
    for name in ("host", "port", "user", "password", "database"):
        if part.url is not None and getattr(part, name) is not None:
            yield fault(f"{path}.{name}", "nothing beside `url`, which says it", "one more")
    if database.type == "sqlite" and (part.host or part.user or part.password):
        yield fault(path, "a file alone, as a SQLite database is", "a host, user or password")
    if part.url is None:
        return
    password = password_in(part.url)
    if password is not None and not holds_secret(password):
        yield literal_credential(f"{path}.url", product)
    elif "$" not in part.url:
        try:
            read_url(part.url, database.type)
        except PlaceFault as error:
            yield fault(f"{path}.url", error.expected, error.found)


def _template_faults(database: Database, action: DatabaseAction, path: str) -> Iterator[Fault]:
    if database.type == "mongodb":
        try:
            spots = read_document(action.template, action.type)
        except DocumentFault as error:
            yield fault(path_to_steps(path, error.steps), error.expected, error.found)
        else:
            yield from _two_types(
                (path_to_steps(path, one.steps), one.placeholder) for one in spots
            )
    elif not isinstance(action.template, str):
        yield fault(path, "an SQL statement as a text", kind_of(action.template))
    else:
        try:
            dialect = DIALECTS[database.type]
            template = read_template(action.template, dialect)
            judge_statement(action.template, dialect, reads_only=action.type in READS)
        except TemplateFault as error:
            yield fault(path, error.expected, error.found, hint=error.hint)
        else:
            yield from _two_types((path, one) for one in template.placeholders)


def _two_types(asked: Iterable[tuple[str, Placeholder]]) -> Iterator[Fault]:
    """Tell names that are given several types: one value is of one, and may be named without."""
    types: dict[str, list[str]] = {}
    for path, wanted in asked:
        known = types.setdefault(wanted.name, [])
        if wanted.type in (ANY, *known):
            continue
        known.append(wanted.type)
        if len(known) > 1:
            found = f"`{{{{{wanted.name}}}}}` as {known[0]} and as {wanted.type}"
            yield fault(
                path,
                "one type for each name",
                found,
                hint="say it once; elsewhere the name alone will do",
            )


def path_to_steps(path: str, steps: tuple[str | int, ...]) -> str:
    """Name a place below a path."""
    for step in steps:
        path = path_to(path, step)
    return path
