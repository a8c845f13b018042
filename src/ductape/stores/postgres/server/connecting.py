"""One connection to the server: how it is opened, and what is set on it."""

import psycopg

from ductape.stores.postgres.server.address import Address
from ductape.stores.postgres.server.cancelling import Prompt
from ductape.stores.postgres.server.faults import explain
from ductape.stores.postgres.server.locks import bounded
from ductape.stores.postgres.server.plans import PLANNED_ONCE, by_index
from ductape.stores.postgres.server.transaction import Connection

PREPARED_AFTER = 2
"""How often a connection runs a statement before it has it prepared."""


async def connect(address: Address, *, pooled: bool) -> Connection:
    """Open a connection; raises `StoreError` with its remedy."""
    try:
        return await Prompt.connect(
            address.conninfo, autocommit=True, prepare_threshold=prepare_threshold(pooled=pooled)
        )
    except psycopg.Error as error:
        raise explain(error, address.shown) from error


async def connect_alone(address: Address) -> Connection:
    """Open a connection that no pooler shares, set as those of the pool; raises `StoreError`."""
    connection = await connect(address, pooled=False)
    try:
        await prepare(connection)
    except psycopg.Error as error:
        await connection.close()
        raise explain(error, address.shown) from error
    except BaseException:  # cancelled: nobody else knows of the connection
        await connection.close()
        raise
    return connection


async def prepare(connection: Connection) -> None:
    """Set what holds for every transaction of a connection that is ours alone."""
    await connection.execute(
        b"; ".join(
            (
                bounded(connection.info.server_version, local=False),
                by_index(local=False),
                PLANNED_ONCE,
            )
        )
    )


def prepare_threshold(*, pooled: bool) -> int | None:
    """Prepare what is run again, but not where each transaction may meet another server process."""
    return None if pooled else PREPARED_AFTER
