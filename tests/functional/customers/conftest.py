"""A chain over the schema that ships, for what becomes of its customers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.chain import Chain, running_chain
from tests.support.servers import Servers


@pytest.fixture(scope="module")
def chain(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with running_chain(servers, tmp_path_factory.mktemp("customers")) as made:
        yield made
