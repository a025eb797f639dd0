"""T03: what is offered to be chosen is what one may see, and never carries a number of a person."""

from __future__ import annotations

import re

import pytest

from tests.functional.attacks.cast import INSIDERS, West
from tests.support.nursery import CANARY

PERSONAL = re.compile(r"(?<!\d)(?:\d{17}[\dXx]|1[3-9]\d{9})(?!\d)")


@pytest.mark.parametrize("username", INSIDERS)
def test_t03_no_choice_names_a_stranger_or_a_number(west: West, username: str) -> None:
    browser, api = west.portal.browser(username), west.portal.api(username)
    for entity in west.portal.schema.enabled_entities():
        told = [api.call("GET", f"{entity.name}/_info").text]
        told += [
            browser.get(f"/{entity.name}/lookup/{field}?q={typed}").text
            for field in entity.fields
            for typed in ("", "CANARY", "13", "1")
        ]
        for text in told:
            assert CANARY not in text, entity.name
            assert PERSONAL.findall(text) == [], entity.name


def test_t03_a_form_offers_only_own_places(west: West) -> None:
    page = west.portal.browser("west").get("/plant/add").text
    assert CANARY not in page
    assert "东床" not in page
