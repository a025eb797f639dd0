"""What the tests of evidence hold, of the log of their module."""

from __future__ import annotations

import pytest

from app.audit.bundles import between, make_bundle
from app.audit.keys import load_key, public_bytes
from app.audit.notes import fingerprint
from tests.support.trail import Log


@pytest.fixture(scope="module")
def files(log: Log) -> dict[str, bytes]:
    """The bundle of entries 10 to 14, which the first checkpoint covers."""
    with log.engines.app.connect() as connection:
        return make_bundle(connection, between(10, 14)).files


@pytest.fixture(scope="module")
def held(log: Log) -> str:
    """The fingerprint that the owner holds."""
    return fingerprint(public_bytes(load_key(log.home)))
