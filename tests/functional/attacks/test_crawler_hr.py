"""The crawler over the schema that ships: every address × those who take customers along × rows out of reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from app.settings import ROOT
from tests.functional.attacks.cast import Reach
from tests.functional.attacks.crawling import (
    foreign_rows,
    read_everything,
    walker,
    write_everywhere,
)
from tests.functional.attacks.doors import digests
from tests.support.chain_strangers import FAR, NEAR, PLACED, build_chain_with_strangers
from tests.support.portals import running_portal
from tests.support.servers import Servers

# These see a part of their own store alone, so a colleague's rows are as strange to them as the south's.
NARROW = ("sales", "clerk")
INSIDERS = (*NARROW, "store", "area", "east_hr")
# Of those who write, one with the narrowest sight, the one who takes whole regions along, one with the most rights.
WRITERS = ("sales", "area", "east_hr")


@pytest.fixture(scope="module")
def reaches(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Reach]]:
    """What is out of whose reach, by username."""
    with running_portal(servers, ROOT / "schema", tmp_path_factory.mktemp("home")) as portal:
        planted = build_chain_with_strangers(portal)
        near = {name: key for name, key in planted[NEAR].items() if name not in PLACED}
        far = Reach(portal, planted[FAR], canaries=(FAR,))
        narrow = Reach(portal, planted[FAR] | near, canaries=(FAR, NEAR))
        yield {one: narrow if one in NARROW else far for one in INSIDERS}


def test_every_kind_of_record_with_a_place_has_a_row_out_of_reach(
    reaches: Mapping[str, Reach],
) -> None:
    schema = reaches["area"].portal.schema
    placed = {one.name for one in schema.enabled_entities() if one.has_place}
    assert {*reaches["area"].foreign} == placed | {"org_unit"} == {*reaches["sales"].foreign}


@pytest.mark.parametrize("username", INSIDERS)
def test_reading_every_address_shows_and_changes_nothing(
    reaches: Mapping[str, Reach], username: str
) -> None:
    reach = reaches[username]
    who, before = walker(reach, username), digests(reach.portal)
    assert read_everything(reach, who, (), twice=False) > 40
    assert digests(reach.portal) == before


@pytest.mark.parametrize("username", WRITERS)
def test_writing_to_every_address_reaches_no_foreign_row(
    reaches: Mapping[str, Reach], username: str
) -> None:
    reach = reaches[username]
    before = foreign_rows(reach)
    write_everywhere(reach, walker(reach, username), ())
    assert foreign_rows(reach) == before
