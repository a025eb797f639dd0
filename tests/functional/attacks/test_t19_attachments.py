"""T19: files are given by the record that holds them, are what their name says, and do nothing in a browser."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.functional.attacks.cast import West
from tests.support.portals import Api

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
PDF = b"%PDF-1.7\n%%EOF\n"


def send(api: Api, path: str, content: bytes, name: str) -> Any:
    """A file for a field."""
    boundary, body = encode_multipart({"file": FileStorage(BytesIO(content), name)})
    kind = f"multipart/form-data; boundary={boundary}"
    return api.call("POST", path, data=body, content_type=kind)


def test_t19_a_foreign_file_is_not_there_by_any_number(west: West) -> None:
    portal, boss = west.portal, west.portal.api("boss")
    photo = send(boss, "gardener/files/photo", PNG + b"east", "face.png").json["id"]
    far = west.foreign["gardener"]
    version = portal.scalar("SELECT version FROM gardener WHERE id = :key", key=far)
    saved = boss.call("PUT", f"gardener/{far}", json={"version": version, "photo": photo})
    assert saved.status_code == 200
    digest = portal.scalar("SELECT sha256 FROM portal_file WHERE id = :key", key=photo)
    assert boss.call("GET", f"gardener/{far}/files/{photo}").status_code == 200
    api, browser = portal.api("west"), portal.browser("west")
    own = portal.ids["wang"]
    for path in (f"gardener/{far}/files/{photo}", f"gardener/{own}/files/{photo}"):
        assert api.call("GET", path).status_code == 404, path
    for path in (f"/files/{photo}", f"/files/{digest}", f"/files/../{digest}", f"/static/{digest}",
                 f"/vendor/{digest}", f"/files/{digest[:2]}/{digest}"):  # fmt: skip
        assert browser.get(path).status_code == 404, path
    sent = {
        "version": portal.scalar("SELECT version FROM gardener WHERE id = :key", key=own),
        "photo": photo,
    }
    assert api.call("PUT", f"gardener/{own}", json=sent).status_code == 422


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.pdf", b"<html><script>alert(1)</script>"),
        ("x.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("x.svg", b"<svg/>"),
        ("x.html", b"<html>"),
        ("x.pdf.exe", b"MZ"),
        ("x", PDF),
        ("", PDF),
        ("x.pdf\x00.png", b"MZ"),
        (".pdf", b"MZ"),
    ],
)
def test_t19_what_is_not_what_it_says_is_refused(west: West, name: str, content: bytes) -> None:
    before = west.portal.scalar("SELECT count(*) FROM portal_file")
    answer = send(west.portal.api("boss"), "tool/files/manual", content, name)
    assert answer.status_code in (400, 422)
    assert west.portal.scalar("SELECT count(*) FROM portal_file") == before


@pytest.mark.parametrize(
    "name",
    ["../../x.pdf", "C:\\windows\\x.pdf", "x\u202efdp.pdf", "a" * 300 + ".pdf", "%0d%0aSet-Cookie: a=b.pdf",
     "x;y=z.pdf", "离职证明.pdf", "-rf.pdf", "...pdf"],
)  # fmt: skip
def test_t19_names_are_only_names(west: West, name: str) -> None:
    boss = west.portal.api("boss")
    kept = send(boss, "tool/files/manual", PDF, name)
    assert kept.status_code == 201
    title = kept.json["name"]
    assert not set(title) & set('/\\\r\n"\u202e\x00')
    assert len(title) <= 120
    tool = boss.call("POST", "tool/", json={"name": f"带{name[:20]}", "manual": kept.json["id"]})
    answer = west.portal.browser("boss").get(f"/files/{kept.json['id']}")
    assert tool.status_code == 201
    assert (answer.status_code, answer.data) == (200, PDF)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "Set-Cookie" not in answer.headers
    folder = west.portal.settings.home
    assert not list(folder.rglob("*x.pdf"))
