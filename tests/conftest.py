"""Fixtures of all tests: real servers for a test process, and the nursery portal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.nursery import planted
from tests.support.portals import SCHEMAS, Portal, running_portal
from tests.support.servers import Servers, running_servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """One PostgreSQL and one Valkey for the test process."""
    with running_servers() as started:
        yield started


@pytest.fixture(scope="module")
def nursery(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The second portal, with two beds, three accounts and some plants."""
    home: Path = tmp_path_factory.mktemp("home")
    with running_portal(servers, SCHEMAS / "nursery", home) as portal:
        planted(portal)
        yield portal
