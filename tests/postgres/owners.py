"""Callers with rows of their own, each over another kind of connection."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

INSERT = "INSERT INTO orders VALUES ({})"


@dataclass(frozen=True)
class Owner:
    """One caller in the middle of a transaction that holds an order already."""

    transaction: object
    """What is handed to `dispatch`."""
    say: Callable[[str], Awaitable[object]]
    commit: Callable[[], Awaitable[object]]
    roll_back: Callable[[], Awaitable[object]]


Opener = Callable[[str], AbstractAsyncContextManager[Owner]]


def _awaited(call: Callable[..., object]) -> Callable[..., Awaitable[Any]]:
    """Wrap a blocking call of a caller's."""

    async def awaited(*given: object) -> object:
        return call(*given)

    return awaited


@asynccontextmanager
async def psycopg_async(url: str) -> AsyncIterator[Owner]:
    async with await AsyncConnection.connect(url) as connection:
        yield Owner(connection, connection.execute, connection.commit, connection.rollback)


@asynccontextmanager
async def psycopg_blocking(url: str) -> AsyncIterator[Owner]:
    with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as connection:
        connection.cursor_factory = psycopg.ClientCursor
        yield Owner(connection, *map(_awaited, _verbs(connection)))


@asynccontextmanager
async def session_async(url: str) -> AsyncIterator[Owner]:
    engine = create_async_engine(_dialect(url))
    async with AsyncSession(engine) as session:
        yield Owner(
            session, lambda sql: session.execute(text(sql)), session.commit, session.rollback
        )
    await engine.dispose()


@asynccontextmanager
async def connection_async(url: str) -> AsyncIterator[Owner]:
    engine = create_async_engine(_dialect(url))
    async with engine.connect() as own:
        yield Owner(own, lambda sql: own.execute(text(sql)), own.commit, own.rollback)
    await engine.dispose()


@asynccontextmanager
async def session_blocking(url: str) -> AsyncIterator[Owner]:
    engine = create_engine(_dialect(url))
    with Session(engine) as session:
        say = _awaited(lambda sql: session.execute(text(sql)))
        yield Owner(session, say, _awaited(session.commit), _awaited(session.rollback))
    engine.dispose()


@asynccontextmanager
async def connection_blocking(url: str) -> AsyncIterator[Owner]:
    engine = create_engine(_dialect(url))
    with engine.connect() as own:
        say = _awaited(lambda sql: own.execute(text(sql)))
        yield Owner(own, say, _awaited(own.commit), _awaited(own.rollback))
    engine.dispose()


OWNERS: dict[str, Opener] = {
    "psycopg-async": psycopg_async,
    "psycopg-blocking": psycopg_blocking,
    "session-async": session_async,
    "session-blocking": session_blocking,
    "connection-async": connection_async,
    "connection-blocking": connection_blocking,
}


def _verbs(connection: psycopg.Connection[Any]) -> tuple[Callable[..., object], ...]:
    return (connection.execute, connection.commit, connection.rollback)


def _dialect(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")
