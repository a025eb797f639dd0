"""The rule book can be read and printed, and stands for what really happens."""

from __future__ import annotations

import re
from html import unescape

from tests.support.portals import Portal

MOST_STATEMENTS = 8


def plain(html: str) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def test_a_role_is_told_line_by_line(nursery: Portal) -> None:
    page = nursery.browser("boss").get("/rights/keeper?_l_=en")
    assert page.status_code == 200
    words = plain(page.text)
    # Written down in role_keeper.yaml: five fields may be edited, export has to be asked for.
    assert "edit Label, Healthy, Illness, Price, Note" in words or "5 of them" in words
    assert "asks" in words
    assert "at the place of the role and below" in words
    assert re.search(r"Version 1 of 20\d\d-", words)
    # The pay is hidden from keepers, and phones are masked.
    assert re.search(r"hidden Hourly pay", words)
    assert "masked" in words


def test_the_whole_book_is_printed_in_both_languages(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    english, chinese = (boss.get(f"/rights/book?_l_={code}").text for code in ("en", "zh"))
    for role in nursery.schema.roles.values():
        assert role.label.en in plain(english)
        assert role.label.zh in plain(chinese)
    assert "Rule book" in plain(english)
    assert "权限手册" in plain(chinese)
    assert "<summary>字段" not in chinese


def test_the_pages_are_few_statements(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    for path in ("/rights/", "/rights/keeper", "/rights/book", "/rights/keeper/plant/edit"):
        boss.get(path)
        with nursery.statements() as said:
            assert boss.get(path).status_code == 200
        assert len(said) <= MOST_STATEMENTS, (path, said)


def test_the_pages_are_for_those_who_administer(nursery: Portal) -> None:
    west = nursery.browser("west")
    for path in (
        "/rights/keeper",
        "/rights/book",
        "/rights/keeper/plant/edit",
        "/rights/keeper/copy",
    ):
        assert west.get(path).status_code == 404
    assert (
        west.post("/rights/keeper/plant/edit", {"right-delete": "yes", "save": "yes"}).status_code
        == 404
    )
    assert nursery.browser("boss").get("/rights/nobody").status_code == 404
