"""The portal that ships, with a chain that is small enough to work out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import ROOT
from tests.support.portals import Portal, running_portal
from tests.support.servers import Servers
from tests.support.small_chain import build_chain


@pytest.fixture(scope="package")
def chain(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The portal of ``schema/`` with the small chain; tests only read it."""
    home: Path = tmp_path_factory.mktemp("chain")
    with running_portal(servers, ROOT / "schema", home) as portal:
        build_chain(portal)
        yield portal
