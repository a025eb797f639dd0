"""The nursery with somebody of every role, and strangers that nobody of the west bed may see."""

from __future__ import annotations

import pytest

from tests.functional.attacks.cast import West, west_of
from tests.support.portals import Portal


@pytest.fixture(scope="module")
def west(nursery: Portal) -> West:
    """The west bed and what lies beyond it."""
    return west_of(nursery)
