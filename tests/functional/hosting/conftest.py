"""Servers for the tests of the servers."""

from collections.abc import Iterator

import pytest

from tests.support.servers import Servers, running_servers


@pytest.fixture(scope="session")
def own_servers() -> Iterator[Servers]:
    """Servers that only the tests of hosting use."""
    with running_servers() as started:
        yield started
