"""The REST endpoints follow the same rules as the pages."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from werkzeug.test import Client

from tests.support.nursery import CANARY
from tests.support.portals import Api, Portal


@pytest.fixture(scope="module")
def boss(nursery: Portal) -> Api:
    return nursery.api("boss")


@pytest.fixture(scope="module")
def west(nursery: Portal) -> Api:
    return nursery.api("west")


def test_a_record_is_added_changed_and_deleted(nursery: Portal, boss: Api) -> None:
    made = boss.call(
        "POST", "buyer/", json={"name": "花市", "bed": nursery.ids["west"], "region": "310104"}
    )
    assert made.status_code == 201
    pk = made.json["id"]
    assert made.json["result"]["bed"] == {"id": nursery.ids["west"], "title": "西床"}
    changed = boss.call("PUT", f"buyer/{pk}", json={"version": 1, "name": "大花市"})
    assert (changed.status_code, changed.json["result"]["version"]) == (200, 2)
    stale = boss.call("PUT", f"buyer/{pk}", json={"version": 1, "name": "又"})
    assert (stale.status_code, stale.json["code"]) == (409, "conflict")
    assert boss.call("DELETE", f"buyer/{pk}?version=2").status_code == 200
    assert boss.call("GET", f"buyer/{pk}").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"name": None}, "name"),
        ({"name": 5}, "name"),
        ({"licence": "123"}, "licence"),
        ({"bed": 999_999}, "bed"),
        ({"bed": "x"}, "bed"),
        ({"region": "999999"}, "region"),
    ],
)
def test_a_wrong_value_names_its_field_in_the_readers_language(
    nursery: Portal, boss: Api, body: dict[str, object], field: str
) -> None:
    sent = {"name": "好", "bed": nursery.ids["west"], **body}
    answer = boss.call("POST", "buyer/?_l_=zh", json=sent)
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [field]
    assert re.search("[\u4e00-\u9fff]", answer.json["errors"][field][0])


def test_lists_are_filtered_ordered_and_paged(boss: Api) -> None:
    q = "(columns:!(label_text,price),filters:!((col:price,opr:gt,value:270)),order_column:price,order_direction:desc)"
    answer = boss.call("GET", "plant/?q=" + quote(q)).json
    assert [row["price"] for row in answer["result"]] == ["290.00", "280.00"]
    assert answer["count"] == 2
    everything = boss.call("GET", "plant/?q=" + quote("(page_size:100000)")).json
    assert len(everything["result"]) == 31
    second = boss.call("GET", "plant/?q=" + quote("(page:1,page_size:20)")).json
    assert len(second["result"]) == 11


@pytest.mark.parametrize(
    "q",
    [
        "(((((",
        "(filters:!((col:nonsense,opr:eq,value:1)))",
        "(order_column:evil)",
        "(page:x)",
        "!(1)",
        "(columns:!(evil))",
    ],
)
def test_nonsense_is_refused_politely(boss: Api, q: str) -> None:
    answer = boss.call("GET", "plant/?q=" + quote(q))
    assert answer.status_code == 422
    assert not re.search(r"Traceback|SELECT|psycopg", answer.text)


def test_masked_and_hidden_fields_cannot_be_seen_or_guessed(nursery: Portal, west: Api) -> None:
    pk = nursery.ids["wang"]
    shown = west.call("GET", f"gardener/{pk}").json["result"]
    assert shown["mobile"] == "138****8000"
    assert shown["id_card"] == "******"
    assert "hourly_pay" not in shown
    assert "pin" not in shown
    for column in ("hourly_pay", "mobile", "id_card"):
        for q in (f"(filters:!((col:{column},opr:gt,value:1)))", f"(order_column:{column})"):
            assert west.call("GET", "gardener/?q=" + quote(q)).status_code == 422
    denied = west.call("PUT", f"gardener/{pk}", json={"version": 1, "mobile": "13811138111"})
    assert denied.status_code == 422


def test_a_move_is_a_post(nursery: Portal, west: Api) -> None:
    pk = nursery.ids["task"]
    answer = west.call("POST", f"task/{pk}/move/finish", json={"version": 1})
    assert (answer.status_code, answer.json["result"]["state"]) == (200, "done")
    assert answer.json["result"]["done_on"] == "2026-06-15"
    assert west.call("POST", f"task/{pk}/move/shut_away", json={"version": 2}).status_code == 403
    assert west.call("POST", f"task/{pk}/move/finish", json={"version": 2}).status_code == 409


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer x.y.z", "Basic abc"])
def test_without_a_good_token_nothing_is_said(nursery: Portal, token: str) -> None:
    answer = Client(nursery.door).get("/api/v1/plant/", headers={"Authorization": token})
    assert answer.status_code == 401


def test_a_browser_session_needs_the_token_header_to_write(nursery: Portal) -> None:
    browser = nursery.browser("boss")
    assert browser.client.get("/api/v1/tag_group/").status_code == 200
    assert browser.client.post("/api/v1/tag_group/", json={"name": "x"}).status_code == 403


def test_the_other_bed_does_not_exist_for_a_keeper(nursery: Portal, west: Api) -> None:
    ids = nursery.ids
    for entity, key in (
        ("plant", "far_plant"),
        ("gardener", "far"),
        ("task", "far_task"),
        ("measurement", "far_measurement"),
    ):
        foreign, absent = (west.call("GET", f"{entity}/{pk}") for pk in (ids[key], 999_999))
        assert (foreign.status_code, foreign.data) == (absent.status_code, absent.data)
        put = west.call("PUT", f"{entity}/{ids[key]}", json={"version": 1})
        assert put.status_code == 404
    moved = west.call("PUT", f"task/{ids['task']}", json={"version": 2, "bed": ids["east"]})
    assert moved.status_code in (403, 409, 422)
    planted = west.call(
        "POST", "plant/", json={"label_text": "偷种", "species": ids["maple"], "bed": ids["east"]}
    )
    assert planted.status_code in (403, 422)
    assert CANARY not in west.call("GET", "openapi.json").text
