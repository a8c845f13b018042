"""A database's action, as it is in an env that the database is in."""

from msgspec.structs import replace

from ductape.domain.definitions.database import DatabaseTarget
from ductape.domain.product.addresses import Address
from ductape.domain.product.format.database import Database, DatabaseAction, DatabaseEnv
from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.format.places import database_is_in
from ductape.domain.product.kinds.making import first, in_env, plain, target
from ductape.domain.product.missing import no_such
from ductape.domain.references import literal
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target


def resolve_database(product: Product, env: Env, address: Address) -> Target:
    """Return the target of a database action; raises `NotFound` if it is not in the env."""
    tag, _, named = address.event.partition(":")
    database = next(one for one in product.databases if one.tag == tag)
    action = next(one for one in database.actions if one.tag == named)
    if not database_is_in(database, env):
        slugs = [one.slug for one in database.envs]
        raise no_such("env", f"env of database `{tag}`", env.slug, slugs)
    definition = plain(_action_in(env, database, action))
    return target(
        product,
        env,
        JobEventTypes.DB_ACTION,
        address.event,
        definition,
        sensitive=action.sensitive,
    )


def _action_in(env: Env, database: Database, action: DatabaseAction) -> DatabaseTarget:
    here = in_env(database.envs, env) or DatabaseEnv(slug=env.slug)
    url = here.url if here.url is not None or _has_parts(here) else database.url
    made = DatabaseTarget(
        tag=database.tag,
        database_type=database.type,
        type=action.type,
        template=literal(action.template),
        url=url,
        tls=here.tls or database.tls,
        allow_private=first(here.allow_private, database.allow_private, env.allow_private),
        connections=database.connections,
        max_result_bytes=action.max_result_bytes,
    )
    if url is not None:
        return made
    return replace(
        made,
        host=here.host or database.host,
        port=here.port or database.port,
        user=here.user or database.user,
        password=here.password or database.password,
        database=here.database or database.database,
    )


def _has_parts(here: DatabaseEnv) -> bool:
    return here.host is not None or here.database is not None
