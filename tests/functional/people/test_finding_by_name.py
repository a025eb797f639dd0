"""Papers are found by the name of the person whom they are about, and only by whoever sees that person."""

from __future__ import annotations

import json
from datetime import date

from tests.support.chain import Chain
from tests.support.portals import Api


def found(api: Api, entity: str, typed: str) -> set[int]:
    """The ids of what the list of an entity finds."""
    answer = api.call("GET", f"{entity}/?q=(search:'{typed}')")
    assert answer.status_code == 200, answer.text
    return set(answer.json["ids"])


def test_papers_are_found_by_the_name_of_their_person(chain: Chain) -> None:
    head, other = chain.portal.api("head"), chain.portal.api("other")
    person = chain.person("欧阳查找", staff_no="Q90001")
    papers = {
        "contract": chain.contract(person, date(2026, 12, 31)),
        "non_compete": chain.non_compete(person),
        "offboarding_case": chain.leaving(person, date(2026, 3, 1)),
    }
    afar = chain.contract(chain.person("欧阳隔壁", at="S2", above="other"), date(2026, 12, 31))
    for typed in ("欧阳查", "ouyangchazhao", "oycz", "Q90001"):
        for entity, number in papers.items():
            assert found(head, entity, typed) == {number}, (entity, typed)
    assert found(head, "contract", "没有这个人") == set()
    # Each manager finds the people of the own store alone.
    assert found(head, "contract", "欧阳") == {papers["contract"], afar}
    assert found(other, "contract", "欧阳") == {afar}
    # What a link may choose from is found that way too, and by its number as before.
    browser = chain.portal.browser("head")
    code = chain.portal.scalar("SELECT code FROM contract WHERE id = :id", id=afar)
    for typed in ("欧阳隔壁", code):
        rows = json.loads(browser.get(f"/contract/lookup/extension_of?q={typed}").text)["results"]
        assert [int(row["id"]) for row in rows] == [afar]
    address = "/contract/list/?q=欧阳"
    assert code in browser.get(address).text
    with chain.portal.statements() as said:
        assert browser.get(address).status_code == 200
    assert len(said) <= 8
