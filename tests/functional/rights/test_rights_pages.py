"""The rule book says what the schema says, and the answers say what really happens."""

from __future__ import annotations

import re
from html import unescape

from tests.support.portals import Portal


def plain(html: str) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def ask(portal: Portal, **asked: object) -> str:
    """The answer to why the keeper of the west bed may do something."""
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return plain(portal.browser("boss").get(f"/rights/why?{query}&_l_=en").text)


def test_the_rule_book_is_for_those_who_administer_accounts(nursery: Portal) -> None:
    page = nursery.browser("boss").get("/rights/?_l_=en")
    assert page.status_code == 200
    assert "R C E D X P I" in plain(page.text)
    for path in ("/rights/", "/rights/keeper/plant", "/rights/why", "/rights/what-if"):
        assert nursery.browser("west").get(path).status_code == 404
    assert nursery.browser("boss").get("/rights/keeper/nothing").status_code == 404


def test_a_role_with_an_entity_tells_its_fields(nursery: Portal) -> None:
    words = plain(nursery.browser("boss").get("/rights/keeper/gardener?_l_=en").text)
    assert "Hourly pay Hidden" in words or "hourly" in words.lower()
    assert "Masked" in words
    assert "role_keeper.yaml:" in words
    assert "at the place of the role and below" in words


def test_why_tells_reach_and_role(nursery: Portal) -> None:
    west = nursery.ids["account_west"]
    own = ask(nursery, account=west, entity="plant", record=nursery.ids["plant1"])
    assert "The role Keeper gives it, and the record is within its reach." in own
    far = ask(nursery, account=west, entity="plant", record=nursery.ids["far_plant"])
    assert "within its reach" not in far
    assert "The role Keeper gives it, but the record is out of its reach." in far
    assert "In clear" not in far
    # Export is no right of a keeper.
    assert "The role Keeper does not give it." in own


def test_unknown_accounts_and_records_are_not_found(nursery: Portal) -> None:
    boss, west = nursery.browser("boss"), nursery.ids["account_west"]
    for query in (
        f"account={west}&entity=plant&record=999999",
        f"account=999999&entity=plant&record={nursery.ids['plant1']}",
    ):
        assert boss.get(f"/rights/why?{query}").status_code == 404
    assert boss.get(f"/rights/why?account={west}&entity=nothing&record=1").status_code == 200
    assert boss.get("/rights/what-if?account=999999&role=keeper").status_code == 404


def test_what_a_role_would_change_is_counted(nursery: Portal) -> None:
    boss, west, east = nursery.browser("boss"), nursery.ids["account_west"], nursery.ids["east"]
    plants = nursery.scalar(
        "SELECT count(*) FROM plant WHERE place_id = :place AND deleted_at IS NULL",
        place=nursery.ids["west"],
    )
    far = nursery.scalar(
        "SELECT count(*) FROM plant WHERE place_id = :place AND deleted_at IS NULL", place=east
    )
    words = plain(boss.get(f"/rights/what-if?account={west}&role=keeper&place={east}&_l_=en").text)
    assert re.search(rf"Plant {plants} {plants + far}\b", words)
    same = boss.get(
        f"/rights/what-if?account={west}&role=keeper&place={nursery.ids['west']}&_l_=en"
    )
    assert "Nothing would change." in plain(same.text)
