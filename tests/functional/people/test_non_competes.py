"""What an agreement not to compete works out by itself."""

from __future__ import annotations

from datetime import date

from tests.support.chain import Chain


def test_it_is_due_three_days_after_the_person_began(chain: Chain) -> None:
    head = chain.portal.api("head")
    person = chain.person("曹应签", hire_date=date(2026, 1, 30), use_from=date(2026, 1, 30))
    row = {
        "staff": person, "position_basis": "secrecy_duty", "secret_basis": "掌握重点客户的底价与需求", "rate": 30,
        "scope_business": ["茶饮"], "scope_region": ["上海"], "term_months": 12,
    }  # fmt: skip
    made = head.call("POST", "non_compete/", json=row)
    assert made.json["result"]["due_on"] == "2026-02-02"
    assert (
        head.call("POST", "non_compete/", json={**row, "due_on": "2026-03-01"}).status_code == 422
    )
