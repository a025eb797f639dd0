"""T04: nothing is written across the fence: by no key, no scope column, no field that is set by the portal."""

from __future__ import annotations

from shutil import copytree
from typing import Any

import pytest

from tests.functional.attacks.cast import West
from tests.functional.attacks.doors import digests
from tests.support.portals import SCHEMAS, running_portal
from tests.support.servers import Servers

SYSTEM = ("id", "uuid", "created_by", "created_at", "updated_at", "place", "place_id", "deleted_at", "number",
          "search_text", "state", "dear")  # fmt: skip


def row(west: West, name: str, key: int) -> str:
    """A row as it is."""
    return str(west.portal.scalar(f'SELECT t::text FROM "{name}" t WHERE id = :key', key=key))


def version(west: West, name: str, key: int) -> int:
    return int(west.portal.scalar(f'SELECT version FROM "{name}" WHERE id = :key', key=key))


def test_t04_a_row_is_not_moved_across_the_fence(west: West) -> None:
    api, ids = west.portal.api("west"), west.portal.ids
    for name, key, field, value in (
        ("buyer", ids["buyer"], "bed", ids["east"]),
        ("buyer", ids["buyer"], "bed", None),
        ("buyer", ids["buyer"], "bed", 999_999),
        ("task", ids["task"], "doer", west.foreign["gardener"]),
        ("task", ids["task"], "bed", ids["east"]),
        ("sale", west.crossing["sale"], "buyer", west.foreign["buyer"]),
        ("measurement", ids["measurement"], "plant", west.foreign["plant"]),
        ("task_step", 1, "task", west.foreign["task"]),
    ):
        before, sent = row(west, name, key), {"version": version(west, name, key), field: value}
        answer = api.call("PUT", f"{name}/{key}", json=sent)
        assert answer.status_code in (403, 404, 422), (name, field, value)
        assert row(west, name, key) == before


@pytest.mark.parametrize("name", SYSTEM)
def test_t04_what_the_portal_sets_is_not_taken_from_outside(west: West, name: str) -> None:
    api, browser, key = (
        west.portal.api("boss"),
        west.portal.browser("boss"),
        west.portal.ids["plant2"],
    )
    before = row(west, "plant", key)
    sent: dict[str, Any] = {"version": version(west, "plant", key), name: 1}
    assert api.call("PUT", f"plant/{key}", json=sent).status_code == 422
    assert row(west, "plant", key) == before
    task = west.portal.ids["own_task"]
    kept = (
        f"SELECT {name} FROM task WHERE id = :key" if name not in ("place", "dear") else "SELECT 1"
    )
    column = west.portal.scalar(kept, key=task)
    page = browser.get(f"/task/edit/{task}")
    assert page.status_code == 200
    browser.post(
        f"/task/edit/{task}",
        {"version": str(version(west, "task", task)), "name": "拔草", name: "7"},
    )
    if name not in ("updated_at",):
        assert west.portal.scalar(kept, key=task) == column


def test_t04_hidden_parameters_of_an_address_set_nothing(west: West) -> None:
    browser, ids = west.portal.browser("west"), west.portal.ids
    key, east = ids["buyer"], ids["east"]
    before = west.portal.scalar(
        "SELECT bed_id || ':' || place_id FROM buyer WHERE id = :key", key=key
    )
    page = browser.get(f"/buyer/edit/{key}?_flt_0_bed={east}&bed={east}")
    assert f'value="{east}" selected' not in page.text
    sent = {"version": str(version(west, "buyer", key)), "name": "西边花店"}
    browser.post(f"/buyer/edit/{key}?_flt_0_bed={east}&bed={east}&place={east}", sent)
    after = west.portal.scalar(
        "SELECT bed_id || ':' || place_id FROM buyer WHERE id = :key", key=key
    )
    assert after == before


def test_t04_nothing_is_added_beyond_the_fence(west: West) -> None:
    portal, east = west.portal, west.portal.ids["east"]
    api, browser, before = portal.api("west"), portal.browser("west"), digests(portal)
    maple = portal.ids["maple"]
    for name, sent in (
        ("buyer", {"name": "外", "bed": east}),
        ("buyer", {"name": "外", "bed": None}),
        ("plant", {"label_text": "外", "species": maple, "bed": east}),
        ("task", {"name": "外面", "bed": east}),
        ("sale", {"buyer": west.foreign["buyer"]}),
        (
            "measurement",
            {"plant": west.foreign["plant"], "at": "2026-06-15T04:00:00Z", "height": "1"},
        ),
    ):
        assert api.call("POST", f"{name}/", json=sent).status_code in (403, 404, 422), (name, sent)
        browser.get(f"/{name}/add")
        form = {field: str(value or "") for field, value in sent.items()}
        assert browser.post(f"/{name}/add", form).status_code in (403, 404, 422), (name, sent)
    left_out = {"portal_series"}
    after = digests(portal, left_out)
    assert after == {name: digest for name, digest in before.items() if name not in left_out}


def test_t04_no_row_can_be_without_its_place(west: West) -> None:
    """The scope column of every entity that has a place is NOT NULL."""
    loose = west.portal.column(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND column_name = 'place_id' AND is_nullable = 'YES'"
    )
    assert loose == []


NOTE = """
entity: note
label: {zh: 便签, en: Note}
title: "{name}"
scope: none
fields:
  name: {type: text, label: {zh: 名称, en: Name}, required: true}
  shared: {type: yes_no, label: {zh: 共享, en: Shared}, default: true}
"""
WRITER = """
role: writer
label: {zh: 写手, en: Writer}
sees: {note: shared = true}
may: {note: {read: true, create: true, edit: true}}
"""


def test_t04_no_row_is_pushed_out_of_sight(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A row that its writer would no longer see is not written: neither changed to be so nor added so."""
    folder, home = tmp_path_factory.mktemp("notes"), tmp_path_factory.mktemp("home")
    copytree(SCHEMAS / "nursery", folder, dirs_exist_ok=True)
    (folder / "note.yaml").write_text(NOTE)
    (folder / "role_writer.yaml").write_text(WRITER)
    portal_file = folder / "portal.yaml"
    portal_file.write_text(portal_file.read_text().replace("[bed,", "[note, bed,"))
    with running_portal(servers, folder, home) as portal:
        portal.account("writer", "writer", None)
        api = portal.api("writer")
        made = api.call("POST", "note/", json={"name": "一"})
        assert made.status_code == 201
        key = made.json["id"]
        hidden = api.call("PUT", f"note/{key}", json={"version": 1, "shared": False})
        assert hidden.status_code == 403
        assert api.call("POST", "note/", json={"name": "二", "shared": False}).status_code == 403
        assert portal.column("SELECT shared FROM note") == [True]


@pytest.mark.parametrize(
    ("name", "field", "column", "value"),
    [("gardener", "phone", "phone", "13800138000"), ("gardener", "hourly_pay", "hourly_pay", "99"),
     ("gardener", "bank_card", "bank_card", "1"), ("plant", "species", "species_id", 999),
     ("plant", "bed", "bed_id", 999)],
)  # fmt: skip
def test_t04_only_what_one_may_fill_in_is_taken(
    west: West, name: str, field: str, column: str, value: Any
) -> None:
    """A keeper edits some fields of gardeners and plants, and no others."""
    key = west.portal.ids["plant1" if name == "plant" else "wang"]
    before, kept = row(west, name, key), f"SELECT {column} FROM {name} WHERE id = :key"
    own = west.portal.scalar(kept, key=key)
    sent = {"version": version(west, name, key), field: value}
    answer: Any = west.portal.api("west").call("PUT", f"{name}/{key}", json=sent)
    assert answer.status_code == 422
    assert field in answer.json["errors"]
    assert row(west, name, key) == before
    browser = west.portal.browser("west")
    browser.get(f"/{name}/edit/{key}")
    form = {"version": str(version(west, name, key)), field: str(value)}
    browser.post(f"/{name}/edit/{key}", form)
    assert west.portal.scalar(kept, key=key) == own
