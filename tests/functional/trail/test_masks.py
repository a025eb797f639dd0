"""The trail shows an auditor no more of a value than the record itself would, and a search finds no more either."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.audit.checkpoints import make_checkpoint
from app.settings import ROOT
from tests.support.portals import NOON, Portal, running_portal
from tests.support.servers import Servers


@pytest.fixture(scope="module")
def portal(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The portal of the product with an owner, an auditor, and one entry of a non-compete."""
    home: Path = tmp_path_factory.mktemp("home")
    with running_portal(servers, ROOT / "schema", home) as made:
        for name in ("owner", "auditor"):
            made.account(name, name, None)
        with made.engines.app.begin() as connection:
            changes = {
                "secret_basis": ["旧的机密", "新的机密"],
                "scope_region": [["上海"], ["杭州"]],
            }
            append(connection, Entry(NOON, 1, "hr", AuditAction.RECORD_CHANGED, 1, entity="non_compete",
                                     record_id=5, record_title="竞业 5", changes=changes))  # fmt: skip
        make_checkpoint(made.engines.app, home, NOON, "test")
        yield made


def test_what_a_role_masks_in_records_is_masked_in_the_trail(portal: Portal) -> None:
    page = portal.browser("auditor").get("/trail/?entity=non_compete").text
    assert "机密" not in page
    assert "杭州" in page
    assert "机密" in portal.browser("owner").get("/trail/?entity=non_compete").text


def test_a_search_finds_nothing_that_is_masked(portal: Portal) -> None:
    def hits(name: str, words: str) -> int:
        return (
            portal.browser(name)
            .get(f"/trail/?entity=non_compete&words={words}")
            .text.count('<li class="tone-')
        )

    assert (hits("auditor", "机密"), hits("auditor", "杭州")) == (0, 1)
    assert hits("owner", "机密") == 1


def test_masked_values_stay_behind_when_evidence_leaves(portal: Portal) -> None:
    for name, enclosed in (("auditor", False), ("owner", True)):
        browser = portal.browser(name)
        browser.get("/trail/")
        answer = browser.post("/trail/evidence", {"entity": "non_compete"})
        assert answer.status_code == 200
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            told = b"".join(archive.read(one) for one in archive.namelist()).decode(
                "utf-8", "replace"
            )
        assert ("机密" in told) is enclosed
