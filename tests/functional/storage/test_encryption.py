"""Encrypted fields: nowhere in the database in plain, found by whole values, converted both ways, undone exactly."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from random import Random
from shutil import copytree
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli.main import main
from app.factory import apply, plan
from app.features.demo.numbers import identity_number
from app.language.compiler import compile_schema
from app.storage.encryption import FILE, KEPT
from tests.support.portals import SCHEMAS, Portal

MOBILE, BANK, PHONE = "13955556666", "6222020200112233440", "010-61112233"
CARD = identity_number(Random(5), date(1988, 8, 8), male=True)
PIN = "tulip-4711"
PLANTED = (MOBILE, CARD, BANK, PHONE, "61112233", PIN)


def everything(portal: Portal) -> str:
    """Every value of every table and view of the database, as text."""
    names = portal.column(
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
        " WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    return "\n".join(
        str(portal.scalar(f"SELECT string_agg(t::text, chr(10)) FROM {name} t")) for name in names
    )


@pytest.fixture(scope="module")
def person(nursery: Portal) -> int:
    """A gardener with all that is encrypted."""
    sent = {"name": "加密", "bed": nursery.ids["west"], "mobile": MOBILE, "phone": PHONE, "id_card": CARD,
            "bank_card": BANK, "pin": PIN}  # fmt: skip
    made = nursery.api("boss").call("POST", "gardener/", json=sent)
    assert made.status_code == 201, made.text
    return int(made.json["id"])


def version(nursery: Portal, person: int) -> int:
    return int(nursery.scalar("SELECT version FROM gardener WHERE id = :id", id=person))


def test_the_owner_reads_what_was_written(nursery: Portal, person: int) -> None:
    told = nursery.api("boss").call("GET", f"gardener/{person}").json["result"]
    assert told["phone"] == PHONE
    assert MOBILE[-4:] in told["mobile"]
    page = nursery.browser("boss").get(f"/gardener/show/{person}")
    assert page.status_code == 200


def test_no_table_holds_it_in_plain(nursery: Portal, person: int) -> None:
    browser, api = nursery.browser("boss"), nursery.api("boss")
    for mobile in ("13955557777", MOBILE):
        sent = {"version": version(nursery, person), "mobile": mobile}
        assert api.call("PUT", f"gardener/{person}", json=sent).status_code == 200
    browser.get(f"/gardener/list/?q={MOBILE}")
    browser.get(f"/search/?q={MOBILE}")
    browser.get(f"/gardener/history/{person}")
    held = everything(nursery)
    assert "加密" in held
    assert [value for value in (*PLANTED, "13955557777") if value in held] == []
    kept = nursery.scalar("SELECT mobile FROM gardener WHERE id = :id", id=person)
    assert KEPT.fullmatch(kept)


def test_whole_values_are_found_and_parts_are_not(nursery: Portal, person: int) -> None:
    api = nursery.api("boss")

    def found(operator: str, value: str) -> list[int]:
        q = f"(filters:!((col:phone,opr:{operator},value:'{value}')))"
        return [row["id"] for row in api.call("GET", f"gardener/?q={q}").json.get("result", [])]

    assert found("eq", PHONE) == [person]
    assert found("ct", PHONE) == [person]
    assert found("ct", "6111") == []
    assert (
        api.call("GET", "gardener/?q=(filters:!((col:phone,opr:gt,value:'0')))").status_code == 422
    )
    assert api.call("GET", "gardener/?q=(order_column:phone)").status_code == 422
    filled = api.call("GET", "gardener/?q=(filters:!((col:phone,opr:filled)))").json["result"]
    assert [row["id"] for row in filled] == [person]


def test_what_is_unique_stays_so(nursery: Portal, person: int) -> None:
    sent = {"name": "重", "bed": nursery.ids["west"], "id_card": CARD}
    answer = nursery.api("boss").call("POST", "gardener/", json=sent)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["id_card"])


def test_undoing_brings_back_the_value(nursery: Portal, person: int) -> None:
    api = nursery.api("boss")
    with nursery.records() as records:
        rows = nursery.scalar(
            "SELECT rows FROM portal_before WHERE entity = 'gardener' AND record_id = :id"
            " AND rows IS NOT NULL ORDER BY id LIMIT 1", id=person,
        )  # fmt: skip
        records.restore("gardener", person, rows, version(nursery, person))
    told = nursery.api("boss").call("GET", f"gardener/{person}").json["result"]
    assert told["phone"] == PHONE
    q = f"(filters:!((col:phone,opr:eq,value:'{PHONE}')))"
    assert api.call("GET", f"gardener/?q={q}").json["count"] == 1


def test_without_its_key_a_value_is_a_sentence(nursery: Portal, person: int) -> None:
    place = nursery.settings.home / FILE
    kept = place.read_text()
    browser = nursery.browser("boss")
    try:
        place.write_text(kept.replace('"number": 1', '"number": 7'))
        answer = browser.get(f"/gardener/show/{person}")
    finally:
        place.write_text(kept)
    assert answer.status_code == 503
    assert "field_keys.json" in answer.text
    assert "Traceback" not in answer.text
    assert browser.get(f"/gardener/show/{person}").status_code == 200


def changed(portal: Portal, tmp_path: Path, old: str, new: str) -> Path:
    """The nursery's schema with other words in its portal file."""
    folder = tmp_path / "schema"
    copytree(SCHEMAS / "nursery", folder)
    place = folder / "portal.yaml"
    assert old in place.read_text()
    place.write_text(place.read_text().replace(old, new))
    return folder


def held_phones(portal: Portal) -> list[str]:
    return portal.column("SELECT phone FROM gardener WHERE phone IS NOT NULL")


def test_a_class_that_is_no_longer_encrypted_and_encrypted_again(
    nursery: Portal, person: int, tmp_path: Path
) -> None:
    folder = changed(nursery, tmp_path, "mask: phone, encrypt: true", "mask: phone")
    steps = [str(step.says) for step in plan(nursery.engines, folder).steps]
    assert "Keep gardener.phone in plain text again." in steps
    apply(nursery.engines, compile_schema(folder), by="test")
    assert held_phones(nursery) == [PHONE]
    assert plan(nursery.engines, folder).steps == ()
    back = SCHEMAS / "nursery"
    steps = [str(step.says) for step in plan(nursery.engines, back).steps]
    assert "Encrypt gardener.phone." in steps
    apply(nursery.engines, compile_schema(back), by="test")
    assert all(KEPT.fullmatch(one) for one in held_phones(nursery))
    assert plan(nursery.engines, back).steps == ()
    assert [value for value in PLANTED if value in everything(nursery)] == []
    nursery.door.refresh()
    told: Any = nursery.api("boss").call("GET", f"gardener/{person}").json["result"]
    assert told["phone"] == PHONE


def test_a_schema_that_asks_too_much_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "schema"
    copytree(SCHEMAS / "nursery", folder)
    gardener = folder / "gardener.yaml"
    gardener.write_text(
        gardener.read_text().replace("  sort: name\n", "  sort: phone\n")
        + "checks:\n  - {that: phone = '1', say: {zh: 一, en: One}}\nunique: [[bed, mobile]]\n"
    )
    told = CliRunner().invoke(main, ["schema", "check", str(folder)])
    assert told.exit_code != 0
    assert told.output.count("S103") == 2
    assert told.output.count("S032") == 1
