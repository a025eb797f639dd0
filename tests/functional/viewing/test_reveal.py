"""A masked value is uncovered one by one: with a reason, sealed before it is shown, within a budget."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.audit.actions import AuditAction
from app.audit.entries import Entry
from app.audit.erasing import erase
from tests.support.portals import NOON, Api, Portal

MOBILE = "13700137000"
SHOWN = "137****7000"
HOUR, DAY = 4, 6
TOLD = (
    "SELECT v.told FROM portal_audit_entry e JOIN portal_audit_value v ON v.id = e.id"
    " WHERE e.action = 'viewing:revealed' ORDER BY e.id DESC LIMIT 1"
)
SEALED = "SELECT count(*) FROM portal_audit_entry WHERE action = :action"
NOTICES = "SELECT count(*) FROM portal_notice WHERE kind = 'viewing' AND account_id = :boss AND key LIKE 'revealing%'"


@pytest.fixture(autouse=True)
def another_day(nursery: Portal) -> Iterator[None]:
    """A day on which nobody has uncovered anything yet."""
    nursery.clock.moment += timedelta(days=1)
    yield
    nursery.clock.moment = nursery.clock.moment.replace(hour=NOON.hour, minute=0)


def ask(
    api: Api, pk: int, field: str = "mobile", reason: str = "核对送货地址", name: str = "buyer"
) -> Any:
    return api.call("POST", f"{name}/{pk}/reveal", json={"field": field, "reason": reason})


def sealed(nursery: Portal, action: str = "viewing:revealed") -> int:
    return int(nursery.scalar(SEALED, action=action))


def test_the_page_shows_it_once_and_the_trail_says_why(nursery: Portal) -> None:
    west, pk = nursery.browser("west"), nursery.ids["buyer"]
    page = west.get(f"/buyer/show/{pk}")
    assert SHOWN in page.text
    assert MOBILE not in page.text
    assert 'id="reveal-mobile"' in page.text
    assert "联系买家" in page.text
    before = sealed(nursery)
    shown = west.post(
        f"/buyer/reveal/{pk}", {"field": "mobile", "choice": "联系买家", "reason": ""}
    )
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "no-store"
    assert MOBILE in shown.text
    assert 'id="reveal-mobile"' not in shown.text
    assert sealed(nursery) == before + 1
    assert "联系买家" in nursery.scalar(TOLD)
    assert MOBILE not in nursery.scalar(TOLD)
    # The next page, the list and the search know nothing of it.
    for address in (f"/buyer/show/{pk}", "/buyer/list/", "/search/?q=西边"):
        assert MOBILE not in west.get(address).text


def test_its_own_reason_needs_five_characters(nursery: Portal) -> None:
    west, pk = nursery.browser("west"), nursery.ids["buyer"]
    west.get(f"/buyer/show/{pk}")
    before = sealed(nursery)
    for reason in ("", "    ", "abcd", "四个字符", "x" * 201):
        answer = west.post(
            f"/buyer/reveal/{pk}", {"field": "mobile", "choice": "other", "reason": reason}
        )
        assert answer.status_code == 422
        assert MOBILE not in answer.text
        assert re.search(r'id="reveal-mobile"[^>]* data-open', answer.text)
    assert 'value="abcd"' in west.post(
        f"/buyer/reveal/{pk}", {"field": "mobile", "choice": "other", "reason": "abcd"}
    ).text  # fmt: skip
    assert sealed(nursery) == before
    answer = west.post(f"/buyer/reveal/{pk}", {"field": "mobile", "reason": "五个字符啊"})
    assert MOBILE in answer.text


def test_the_interface_for_programs(nursery: Portal) -> None:
    api, pk = nursery.api("west"), nursery.ids["buyer"]
    answer = ask(api, pk)
    assert answer.status_code == 200
    assert answer.json == {"id": pk, "field": "mobile", "value": MOBILE}
    for reason in ("", "abcd", "a\0bcdefgh", 7, None, ["x"]):
        refused = ask(api, pk, reason=reason)  # type: ignore[arg-type]
        assert refused.status_code == 422
        assert "reason" in refused.json["errors"]
    assert api.call("POST", f"buyer/{pk}/reveal", data="[]").status_code == 422
    document = api.call("GET", "openapi.json").json["paths"]
    field = document["/api/v1/buyer/{pk}/reveal"]["post"]["requestBody"]
    assert field["content"]["application/json"]["schema"]["properties"]["field"]["enum"] == [
        "mobile"
    ]
    assert "/api/v1/plant/{pk}/reveal" not in document
    assert MOBILE not in json.dumps(api.call("GET", f"buyer/{pk}").json)


@pytest.mark.parametrize(
    ("name", "record", "field", "status"),
    [
        ("buyer", "far_buyer", "mobile", 404),
        ("buyer", "nothing", "mobile", 404),
        ("buyer", "buyer", "colour", 404),
        ("buyer", "buyer", "id", 404),
        ("buyer", "buyer", "name", 409),
        ("buyer", "buyer", "sale.total", 404),
        ("gardener", "wang", "hourly_pay", 404),
        ("gardener", "wang", "pin", 404),
        ("gardener", "wang", "id_card", 403),
        ("gardener", "wang", "mobile", 403),
        ("gardener", "far", "mobile", 404),
        ("gardener", "wang", "bank_card", 409),
        ("role_assignment", "buyer", "role", 404),
        ("account", "buyer", "password", 404),
        ("nothing", "buyer", "mobile", 404),
    ],
)
def test_what_is_not_there_to_uncover(
    nursery: Portal, name: str, record: str, field: str, status: int
) -> None:
    pk = nursery.ids.get(record, 10**9)
    before = sealed(nursery)
    answer = ask(nursery.api("west"), pk, field, name=name)
    assert answer.status_code == status
    assert not {"138", "110105", "35.50", "139"} & set(
        re.findall(r"138|110105|35\.50|139", answer.text)
    )
    assert sealed(nursery) == before


def test_others_do_not_uncover(nursery: Portal) -> None:
    """The owner sees it anyway; the helper sees no buyers; nobody does without signing in."""
    pk = nursery.ids["buyer"]
    assert ask(nursery.api("boss"), pk).status_code == 409
    assert ask(nursery.api("helper"), pk).status_code == 404
    stranger = nursery.api("west")
    stranger.headers = {}
    assert ask(stranger, pk).status_code == 401


def test_the_budget_ends_and_is_told(nursery: Portal) -> None:
    api, pk, boss = nursery.api("west"), nursery.ids["buyer"], nursery.ids["account_boss"]
    before, told = sealed(nursery), nursery.scalar(NOTICES, boss=boss)
    assert [ask(api, pk).status_code for _ in range(HOUR + 2)] == [200] * HOUR + [429] * 2
    assert MOBILE not in ask(api, pk).text
    assert sealed(nursery) == before + HOUR
    # Half of the day's, and the stop, once.
    assert nursery.scalar(NOTICES, boss=boss) == told + 2
    nursery.clock.moment += timedelta(minutes=61)
    api = nursery.api("west")
    assert [ask(api, pk).status_code for _ in range(4)] == [200] * (DAY - HOUR) + [429] * 2


def test_it_is_lower_for_those_who_leave(nursery: Portal) -> None:
    wang, pk = nursery.ids["wang"], nursery.ids["buyer"]
    change = "UPDATE gardener SET hourly_pay = :pay WHERE id = :id"
    with nursery.engines.owner.begin() as connection:
        connection.execute(text(change), {"pay": 0, "id": wang})
    try:
        api = nursery.api("west")
        assert [ask(api, pk).status_code for _ in range(2)] == [200, 429]
    finally:
        with nursery.engines.owner.begin() as connection:
            connection.execute(text(change), {"pay": "35.50", "id": wang})


def test_what_cannot_be_sealed_is_not_shown(nursery: Portal) -> None:
    api, pk = nursery.api("west"), nursery.ids["buyer"]
    api.call("GET", f"buyer/{pk}")
    with nursery.engines.owner.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE portal_audit_head RENAME TO portal_audit_away")
    try:
        answer = ask(api, pk)
    finally:
        with nursery.engines.owner.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE portal_audit_away RENAME TO portal_audit_head")
    assert answer.status_code >= 500
    assert MOBILE not in answer.text


def test_the_application_cannot_take_back_what_was_counted(nursery: Portal) -> None:
    ask(nursery.api("west"), nursery.ids["buyer"])
    for statement in (
        "DELETE FROM portal_revealed",
        "UPDATE portal_revealed SET at = at - interval '1 day'",
    ):
        with (
            pytest.raises(Exception, match="permission denied"),
            nursery.engines.app.begin() as connection,
        ):
            connection.exec_driver_sql(statement)


def test_who_looks_back_reads_the_reasons_until_they_are_erased(nursery: Portal) -> None:
    pk, reason = nursery.ids["buyer"], "客户来电改期"
    ask(nursery.api("west"), pk, reason=reason)
    boss = nursery.browser("boss")
    assert "/viewing/uncovered?entity=buyer" in boss.get("/viewing/?entity=buyer").text
    assert reason in boss.get("/viewing/uncovered?entity=buyer").text
    assert nursery.browser("west").get("/viewing/uncovered?entity=buyer").status_code == 404
    assert reason in boss.get("/trail/?deed=viewing:revealed").text
    assert reason in boss.get(f"/buyer/history/{pk}").text
    for address in ("/viewing/?entity=buyer", "/viewing/uncovered?entity=buyer"):
        with nursery.statements() as said:
            boss.get(address)
        assert len(said) <= 8
    entry = Entry(
        nursery.clock.now(),
        None,
        "test",
        AuditAction.VALUES_ERASED,
        1,
        entity="buyer",
        record_id=pk,
    )
    with nursery.engines.app.begin() as connection:
        assert erase(connection, entry) > 0
    assert reason not in boss.get("/trail/?deed=viewing:revealed").text
