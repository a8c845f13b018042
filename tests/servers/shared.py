"""Servers that take seconds to start: one of each for all the tests of a session."""

from collections.abc import Iterator

import pytest

from tests.servers.rabbitmq import program, rabbitmq
from tests.servers.sqs import mock_sqs


@pytest.fixture(scope="session")
def rabbitmq_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if program() is None:
        pytest.skip("RabbitMQ is missing: apt-get install rabbitmq-server")
    with rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as url:
        yield url


@pytest.fixture(scope="session")
def sqs_endpoint() -> Iterator[str]:
    with mock_sqs() as endpoint:
        yield endpoint
