"""Files by REST: sent for a field, saved with a record, given back to those who see it."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.support.nursery_forms import base
from tests.support.portals import Api, Portal

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20


def send(api: Api, path: str, content: bytes, name: str = "a.png") -> Any:
    boundary, body = encode_multipart({"file": FileStorage(BytesIO(content), name)})
    kind = f"multipart/form-data; boundary={boundary}"
    return api.call("POST", path, data=body, content_type=kind)


def test_a_file_goes_in_and_comes_out(nursery: Portal) -> None:
    boss = nursery.api("boss")
    kept = send(boss, "tool/files/pictures", PNG)
    assert (kept.status_code, kept.json["size"], kept.json["name"]) == (201, 28, "a.png")
    saved = boss.call("POST", "tool/", json={"name": "剪刀", "pictures": [kept.json["id"]]})
    assert saved.status_code == 201
    tool = saved.json["id"]
    answer = boss.call("GET", f"tool/{tool}/files/{kept.json['id']}")
    assert (answer.status_code, answer.data) == (200, PNG)
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    other = boss.call("POST", "tool/", json={"name": "锄头"}).json["id"]
    assert boss.call("GET", f"tool/{other}/files/{kept.json['id']}").status_code == 404
    assert boss.call("GET", f"tool/{tool}/files/999999").status_code == 404


@pytest.mark.parametrize(
    ("path", "content", "name", "expected"),
    [
        ("tool/files/pictures", b"GIF89a", "a.png", 422),
        ("tool/files/pictures", PNG, "a.exe", 422),
        ("tool/files/pictures", PNG + b"x" * (11 * 2**20), "a.png", 422),
        ("tool/files/name", PNG, "a.png", 404),
        ("tool/files/nothing", PNG, "a.png", 404),
        ("nothing/files/pictures", PNG, "a.png", 404),
    ],
)
def test_what_does_not_fit_is_refused(
    nursery: Portal, path: str, content: bytes, name: str, expected: int
) -> None:
    before = nursery.scalar("SELECT count(*) FROM portal_file")
    assert send(nursery.api("boss"), path, content, name).status_code == expected
    assert nursery.scalar("SELECT count(*) FROM portal_file") == before


def test_a_file_for_another_field_or_entity_cannot_be_saved(nursery: Portal) -> None:
    boss = nursery.api("boss")
    number = send(boss, "tool/files/pictures", PNG).json["id"]
    wrong = boss.call("POST", "tool/", json={"name": "铲", "manual": number})
    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["manual"])
    sent = {**base(nursery, "gardener"), "photo": number}
    wrong = boss.call("POST", "gardener/", json=sent)
    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["photo"])


def test_a_file_is_saved_once_and_by_the_one_who_sent_it(nursery: Portal) -> None:
    nursery.account("second", "owner", None)
    boss, second = nursery.api("boss"), nursery.api("second")
    number = send(boss, "tool/files/pictures", PNG).json["id"]
    sent = {"name": "耙", "pictures": [number]}
    stolen = second.call("POST", "tool/", json=sent)
    assert (stolen.status_code, list(stolen.json["errors"])) == (422, ["pictures"])
    assert boss.call("POST", "tool/", json=sent).status_code == 201
    again = boss.call("POST", "tool/", json={**sent, "name": "犁"})
    assert (again.status_code, list(again.json["errors"])) == (422, ["pictures"])


def test_a_file_that_no_record_holds_is_not_given_back(nursery: Portal) -> None:
    boss = nursery.api("boss")
    photo = send(boss, "gardener/files/photo", PNG).json["id"]
    wang = nursery.ids["wang"]
    assert boss.call("GET", f"gardener/{wang}/files/{photo}").status_code == 404


def test_a_file_of_a_field_out_of_sight_is_neither_taken_nor_given(nursery: Portal) -> None:
    nursery.account("inspector", "inspector", nursery.ids["west"])
    inspector, boss = nursery.api("inspector"), nursery.api("boss")
    photo, wang = send(boss, "gardener/files/photo", PNG).json["id"], nursery.ids["wang"]
    version = boss.call("GET", f"gardener/{wang}").json["result"]["version"]
    saved = boss.call("PUT", f"gardener/{wang}", json={"version": version, "photo": photo})
    assert saved.status_code == 200
    address = f"gardener/{wang}/files/{photo}"
    west = nursery.api("west")
    assert (boss.call("GET", address).data, west.call("GET", address).data) == (PNG, PNG)
    for reader in (inspector, nursery.api("helper")):
        assert reader.call("GET", address).status_code == 404
    before = nursery.scalar("SELECT count(*) FROM portal_file")
    hidden, unknown = (send(inspector, f"gardener/files/{name}", PNG) for name in ("photo", "no"))
    assert (hidden.status_code, hidden.json) == (404, unknown.json)
    assert nursery.scalar("SELECT count(*) FROM portal_file") == before


@pytest.mark.parametrize(
    ("username", "path", "expected"),
    [("helper", "tool/files/pictures", 404), ("west", "tool/files/pictures", 403),
     ("west", "gardener/files/photo", 403)],
)  # fmt: skip
def test_without_the_right_nothing_is_kept(
    nursery: Portal, username: str, path: str, expected: int
) -> None:
    before = nursery.scalar("SELECT count(*) FROM portal_file")
    assert send(nursery.api(username), path, PNG).status_code == expected
    assert nursery.scalar("SELECT count(*) FROM portal_file") == before
