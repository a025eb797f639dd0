"""The short set of faults, struck with the other tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.faults import FAULTS
from tests.faults.harness import Bench, History, Load, Missed, site

PORT = 8195


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with site(tmp_path_factory.mktemp("site"), PORT) as made:
        yield made


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", FAULTS)
def test_fault(bench: Bench, name: str) -> None:
    strike, _, few = FAULTS[name]
    assert strike(bench, few)


def test_the_history_of_a_lost_write_is_noticed(bench: Bench, tmp_path: Path) -> None:
    load = Load(bench, History(tmp_path / "history.jsonl"))
    load.history.write(intent=f"{load.mark}-x")
    load.history.write(answer=f"{load.mark}-x", status=201)
    with pytest.raises(Missed, match="1 lost"):
        load.check()
