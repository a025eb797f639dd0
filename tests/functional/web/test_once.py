"""A request that comes fifty times has one effect."""

from __future__ import annotations

import re
import threading
from typing import Any

from tests.support.portals import Portal

COUNT = "SELECT count(*) FROM buyer WHERE name = :name"


def test_fifty_equal_requests_make_one_record(nursery: Portal) -> None:
    api, answers = nursery.api("boss"), []
    headers = {**api.headers, "Idempotency-Key": "k-1"}
    body = {"name": "五十次", "bed": nursery.ids["west"]}

    def ask() -> None:
        answer: Any = api.client.post("/api/v1/buyer/", json=body, headers=headers)
        answers.append((answer.status_code, answer.json["id"]))

    def ask_often() -> None:
        for _ in range(10):
            ask()

    threads = [threading.Thread(target=ask_often) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 50
    assert len(set(answers)) == 1
    assert answers[0][0] == 201
    assert nursery.scalar(COUNT, name="五十次") == 1


def test_a_key_that_comes_with_something_else_is_refused(nursery: Portal) -> None:
    api = nursery.api("boss")
    headers = {**api.headers, "Idempotency-Key": "k-2"}
    first: Any = api.client.post(
        "/api/v1/buyer/", json={"name": "甲", "bed": nursery.ids["west"]}, headers=headers
    )
    second: Any = api.client.post(
        "/api/v1/buyer/", json={"name": "乙", "bed": nursery.ids["west"]}, headers=headers
    )
    assert (first.status_code, second.status_code) == (201, 409)
    other = nursery.api("west")
    theirs: Any = other.client.post(
        "/api/v1/buyer/",
        json={"name": "乙", "bed": nursery.ids["west"]},
        headers={**other.headers, "Idempotency-Key": "k-2"},
    )
    assert theirs.status_code != 409


def test_a_refused_request_leaves_its_key_free(nursery: Portal) -> None:
    api = nursery.api("boss")
    headers = {**api.headers, "Idempotency-Key": "k-3"}
    sent: dict[str, Any] = {"json": {"name": "丙"}, "headers": headers}
    assert api.client.post("/api/v1/buyer/", **sent).status_code == 422
    sent["json"]["bed"] = nursery.ids["west"]
    assert api.client.post("/api/v1/buyer/", **sent).status_code == 201


def test_a_double_click_saves_a_form_once(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    page = boss.get("/buyer/add").text
    found = re.search(r'name="once" value="([^"]+)"', page)
    assert found
    form = {"name": "双击", "bed": str(nursery.ids["west"]), "once": found[1]}
    places = {boss.post("/buyer/add", form).headers["Location"] for _ in range(3)}
    assert len(places) == 1
    assert nursery.scalar(COUNT, name="双击") == 1
    boss.post("/buyer/add", {**form, "name": "返回再存"})
    assert nursery.scalar(COUNT, name="返回再存") == 1
