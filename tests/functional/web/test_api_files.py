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


def test_a_file_that_another_sent_or_for_another_field_cannot_be_saved(nursery: Portal) -> None:
    boss = nursery.api("boss")
    number = send(boss, "tool/files/pictures", PNG).json["id"]
    wrong = boss.call("POST", "tool/", json={"name": "铲", "manual": number})
    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["manual"])
    west = nursery.api("west")
    photo = send(boss, "gardener/files/photo", PNG).json["id"]
    stolen = west.call(
        "POST", "gardener/", json={**base(nursery, "gardener"), "name": "偷", "photo": photo}
    )
    assert stolen.status_code in (403, 422)
    assert boss.call("GET", f"gardener/1/files/{photo}").status_code == 404


def test_without_the_right_nothing_is_kept(nursery: Portal) -> None:
    helper = nursery.api("helper")
    assert send(helper, "tool/files/pictures", PNG).status_code in (403, 404)
