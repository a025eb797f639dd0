"""T06: the order of a list tells nothing of what is kept: neither a field of the record nor one behind a link."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.functional.attacks.cast import INSIDERS, West
from tests.functional.attacks.test_t05_filters_as_oracles import kept, rows

BEHIND_LINKS = (
    "doer.hourly_pay",
    "buyer.turnover",
    "species.name",
    "plant.price",
    "hourly_pay'",
    "1",
    "*",
    "id desc",
)


@pytest.mark.parametrize("username", INSIDERS)
def test_t06_no_list_is_ordered_by_what_is_kept(west: West, username: str) -> None:
    api, browser = west.portal.api(username), west.portal.browser(username)
    names = [entity.name for entity in west.portal.schema.enabled_entities()]
    asked = [*kept(west, username), *((name, path) for name in names for path in BEHIND_LINKS)]
    for name, field in asked:
        page = browser.get(f"/{name}/list/")
        if page.status_code == 404:
            continue
        plain = rows(browser, f"/{name}/list/?size=100")
        for sign in ("", "-"):
            assert rows(browser, f"/{name}/list/?size=100&sort={sign}{quote(field)}") == plain, (
                field
            )
        for direction in ("asc", "desc"):
            column = field.replace("'", "!'")
            q = f"(order_column:'{column}',order_direction:{direction})"
            answer = api.call("GET", f"{name}/?q={quote(q)}")
            assert answer.status_code in (400, 422), (name, field)
