"""The chain on which reminders are tried."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chain import Chain, running_chain
from tests.support.servers import Servers


@pytest.fixture(scope="module")
def whole_chain(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """One chain for the tests of a module."""
    home: Path = tmp_path_factory.mktemp("home")
    with running_chain(servers, home) as chain:
        yield chain


@pytest.fixture
def chain(whole_chain: Chain) -> Chain:
    """The chain, with nothing to tell yet."""
    whole_chain.forget()
    return whole_chain
