"""T34: what is small to send and large to open is never opened, and what is large to send is refused.

The portal keeps attachments as they are: it unpacks no archive, draws no picture and parses no sheet.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.functional.attacks.cast import West
from tests.functional.attacks.test_t19_attachments import send

MOST_MB = 100


def peak_mb() -> float:
    """The most memory that this process has held so far."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


def archive(size: int) -> bytes:
    """A sheet whose one member unpacks to ``size`` bytes, and says that it is small."""
    found = io.BytesIO()
    with (
        zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as member,
    ):
        for _ in range(size // 2**20):
            member.write(b"<c/>" * 2**18)
    return found.getvalue()


def picture(side: int) -> bytes:
    """A picture that says it is ``side`` × ``side``."""
    head = b"IHDR" + side.to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    body = len(head[4:]).to_bytes(4, "big") + head + zlib.crc32(head).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + body + b"\x00\x00\x00\x00IEND\xaeB`\x82"


@pytest.mark.parametrize(
    ("path", "name", "make"),
    [("tool/files/manual", "x.pdf", lambda: b"%PDF-1.7" + zlib.compress(b"0" * 50 * 2**20)),
     ("tool/files/pictures", "x.png", lambda: picture(60_000))],
)  # fmt: skip
def test_t34_what_unpacks_to_much_is_kept_packed(
    west: West, path: str, name: str, make: Any
) -> None:
    content, before = make(), peak_mb()
    kept = send(west.portal.api("boss"), path, content, name)
    assert (kept.status_code, kept.json["size"]) == (201, len(content))
    assert peak_mb() - before < MOST_MB


def test_t34_an_archive_is_only_taken_where_it_is_asked_for(west: West) -> None:
    content, before = archive(100 * 2**20), peak_mb()
    assert len(content) < 2**20
    for name in ("x.xlsx", "x.zip", "x.docx", "x.pdf", "x.png"):
        assert send(west.portal.api("boss"), "tool/files/manual", content, name).status_code == 422
    assert peak_mb() - before < MOST_MB


@pytest.mark.parametrize(
    "body",
    ["[" * 100_000, '{"name":' * 50_000, '{"name":"' + "x" * 3_000_000 + '"}', '{"name":' + "9" * 100_000 + "}",
     "{" + ",".join(f'"k{n}":1' for n in range(100_000)) + "}", '"' * 1001, "NaN", "[1e400]", "\ufeff{}", ""],
)  # fmt: skip
def test_t34_deep_wide_and_long_json_is_refused_in_a_sentence(west: West, body: str) -> None:
    api, before = west.portal.api("boss"), peak_mb()
    for method, path in (("POST", "species/"), ("PUT", f"species/{west.portal.ids['fern']}")):
        answer = api.call(method, path, data=body.encode(), content_type="application/json")
        assert answer.status_code in (400, 413, 422), body[:40]
        assert "message" in answer.json
    assert peak_mb() - before < MOST_MB


@pytest.mark.parametrize(
    "q", ["(" * 3000, "!(" * 3000, "(a:" * 3000 + "1" + ")" * 3000, "'" * 3001, "(a:!" * 50]
)
def test_t34_deep_rison_is_refused_in_a_sentence(west: West, q: str) -> None:
    answer = west.portal.api("boss").call("GET", "species/", query_string={"q": q})
    assert answer.status_code in (400, 414, 422)
    assert "message" in answer.json


def test_t34_forms_of_very_many_parts_are_refused(west: West) -> None:
    browser = west.portal.browser("boss")
    browser.get("/species/add")
    many = {f"f{number}": "x" for number in range(20_000)}
    boundary = "----x"
    parts = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
                    for key, value in {"csrf_token": browser.token, **many}.items())  # fmt: skip
    answer = browser.client.post(
        "/species/add", data=(parts + f"--{boundary}--\r\n").encode(),
        content_type=f"multipart/form-data; boundary={boundary}", environ_overrides=browser.address,
    )  # fmt: skip
    assert answer.status_code == 413


def test_t34_packed_requests_are_not_unpacked(west: West) -> None:
    packed = zlib.compress(json.dumps({"name": "x" * 10 * 2**20}).encode())
    headers = {"Content-Encoding": "deflate"}
    api = west.portal.api("boss")
    answer = api.client.post("/api/v1/species/", data=packed, content_type="application/json",
                             headers={**api.headers, **headers})  # fmt: skip
    assert answer.status_code in (400, 415, 422)
