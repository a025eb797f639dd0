"""Files and signatures in forms: kept, shown, removed, and nobody's but the record's."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.support.nursery_forms import base, pk_of
from tests.support.portals import Browser, Portal

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # noqa: E501


@pytest.fixture(scope="module")
def boss(nursery: Portal) -> Browser:
    browser = nursery.browser("boss")
    browser.post("/lang/zh")
    return browser


def test_files_are_added_kept_removed_and_guarded(nursery: Portal, boss: Browser) -> None:
    boss.get("/tool/add")
    sent: dict[str, Any] = {
        "name": "相机",
        "pictures": [(BytesIO(PNG), "a.png"), (BytesIO(PNG + b"2"), "b.png")],
    }
    tool = pk_of(boss.post("/tool/add", sent))
    first, second = nursery.scalar("SELECT pictures FROM tool WHERE id = :id", id=tool)
    for number in (first, second):
        shown = boss.get(f"/files/{number}")
        assert shown.headers["Content-Type"] == "image/png"
        assert "attachment" not in shown.headers.get("Content-Disposition", "")
        assert "sandbox" in shown.headers["Content-Security-Policy"]
    third = {
        "version": "1",
        "name": "相机",
        "pictures.remove": str(first),
        "pictures": (BytesIO(PNG + b"3"), "c.png"),
    }
    assert boss.post(f"/tool/edit/{tool}", third).status_code == 302
    kept = nursery.scalar("SELECT pictures FROM tool WHERE id = :id", id=tool)
    assert (first in kept, second in kept, len(kept)) == (False, True, 2)
    assert boss.get(f"/files/{first}").status_code == 404
    for name, content in (
        ("x.svg", b"<svg>"),
        ("x.png", b"GIF89a"),
        ("x.exe", b"MZ"),
        ("x.png.html", PNG),
    ):
        wrong = boss.post("/tool/add", {"name": "坏", "pictures": (BytesIO(content), name)})
        assert wrong.status_code == 422, name
        assert re.search(r'bad[^"]*" data-field="pictures"', wrong.text)
    boss.post(f"/tool/delete/{tool}", {"version": "2"})
    assert boss.get(f"/files/{second}").status_code == 404


def test_a_file_that_is_too_large_is_refused(nursery: Portal, boss: Browser) -> None:
    boss.get("/tool/add")
    for size, expected in ((11, 422), (30, 413)):
        content = BytesIO(b"%PDF-1.7" + b"x" * (size * 2**20))
        sent = {"name": "大", "manual": FileStorage(content, "x.pdf"), "csrf_token": boss.token}
        boundary, body = encode_multipart(sent)
        answer = boss.client.post(
            "/tool/add",
            data=body,
            content_type=f"multipart/form-data; boundary={boundary}",
            environ_overrides=boss.address,
        )
        assert answer.status_code == expected
        assert "Traceback" not in answer.text


def test_a_signature_is_drawn_and_shown(nursery: Portal, boss: Browser) -> None:
    boss.get("/gardener/add")
    pk = pk_of(boss.post("/gardener/add", {**base(nursery, "gardener"), "signature": PIXEL}))
    number = nursery.scalar("SELECT signature FROM gardener WHERE id = :id", id=pk)
    assert boss.get(f"/files/{number}").data.startswith(b"\x89PNG")
    assert f"/files/{number}" in boss.get(f"/gardener/show/{pk}").text
    for bad in ("data:image/png;base64,!!!", "data:image/png;base64,R0lGODdh"):
        assert (
            boss.post("/gardener/add", {**base(nursery, "gardener"), "signature": bad}).status_code
            == 422
        )


def test_a_foreign_file_is_not_taken_over_by_its_number(nursery: Portal, boss: Browser) -> None:
    boss.get("/gardener/add")
    photo = {**base(nursery, "gardener"), "photo": (BytesIO(PNG + b"secret"), "SECRET-face.png")}
    owner = pk_of(boss.post("/gardener/add", photo))
    number = nursery.scalar("SELECT photo FROM gardener WHERE id = :id", id=owner)
    api = nursery.api("boss")
    for field, value in (("manual", number), ("pictures", [number]), ("manual", 999_999)):
        answer = api.call("POST", "tool/", json={"name": f"偷{field}{value}", field: value})
        assert (answer.status_code, list(answer.json.get("errors", ()))) == (422, [field])
