"""A key is changed while people edit: nothing is lost, everything can be read, and the old one can go."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.cli.main import main
from app.factory import Workshops
from app.features.keys.service import columns, encrypt_anew, usage
from app.storage.database import unit_of_work
from app.storage.encryption import ring_of
from app.tasks.runner import run
from tests.support.portals import Portal

ROWS, EDITORS, EDITS = 10_000, 4, 12


@pytest.fixture(scope="module")
def crowd(nursery: Portal) -> list[int]:
    """Ten thousand gardeners with a mobile each."""
    ring, west = ring_of(nursery.engines.owner.dialect), nursery.ids["west"]
    values = [ring.encrypted(f"138{number:08d}") for number in range(ROWS)]
    with nursery.engines.owner.begin() as connection:
        found = connection.execute(
            text("INSERT INTO gardener (name, bed_id, place_id, mobile) SELECT '人' || n, :west, :west, v"
                 " FROM unnest(CAST(:values AS text[])) WITH ORDINALITY AS t(v, n) RETURNING id"),
            {"west": west, "values": values},
        )  # fmt: skip
        return list(found.scalars())


def mobiles(portal: Portal, ids: list[int]) -> dict[int, str]:
    """What is kept, opened."""
    with portal.engines.owner.connect() as connection:
        rows = connection.execute(
            text("SELECT id, mobile FROM gardener WHERE id = ANY(:ids) ORDER BY id"), {"ids": ids}
        ).all()
    return {row.id: portal.plain(row.mobile) for row in rows}


def test_ten_thousand_are_encrypted_anew_while_four_people_edit(
    nursery: Portal, crowd: list[int]
) -> None:
    ring = ring_of(nursery.engines.app.dialect)
    wanted = {key: f"138{number:08d}" for number, key in enumerate(crowd)}
    assert mobiles(nursery, crowd) == wanted
    old = ring.keys().newest.number
    new = ring.rotate("2026-11-23")
    failures: list[Any] = []

    def edit(editor: int) -> None:
        api = nursery.api("boss")
        for turn in range(EDITS):
            key = crowd[(editor * EDITS + turn) * 200]
            version = nursery.scalar("SELECT version FROM gardener WHERE id = :id", id=key)
            field, value = ("mobile", f"139{key:08d}") if turn % 2 else ("name", f"改{turn}")
            answer = api.call("PUT", f"gardener/{key}", json={"version": version, field: value})
            if answer.status_code != 200:
                failures.append(answer.json)
            elif field == "mobile":
                wanted[key] = value
            page = api.call("GET", "gardener/?q=(page_size:50)")
            if page.status_code != 200:
                failures.append(page.status_code)

    people = [threading.Thread(target=edit, args=[number]) for number in range(EDITORS)]
    for one in people:
        one.start()
    done = encrypt_anew(nursery.engines.app, nursery.runtime, lambda done, total: None)
    for one in people:
        one.join()
    assert failures == []
    assert mobiles(nursery, crowd) == wanted
    # Whoever edited while it went on used the new key; a second look finds nothing left.
    assert done >= ROWS - EDITORS * EDITS
    assert encrypt_anew(nursery.engines.app, nursery.runtime, lambda done, total: None) == 0
    held = "SELECT count(*) FROM gardener WHERE split_part(mobile, '.', 3) = :number"
    assert nursery.scalar(held, number=str(old)) == 0
    assert nursery.scalar(held, number=str(new)) >= ROWS


def command(portal: Portal, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    """What a command ends with and says."""
    for name, value in portal.settings.to_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PORTAL_LANGUAGE", "en")
    found = CliRunner().invoke(main, ["keys", *words])
    return found.exit_code, found.output


def test_the_command_rotates_in_the_background_and_forgets_what_is_unused(
    nursery: Portal, crowd: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = ring_of(nursery.engines.app.dialect)
    before = ring.keys().newest.number
    code, said = command(nursery, monkeypatch, "rotate")
    assert code == 0, said
    assert ring.keys().newest.number == before + 1
    assert command(nursery, monkeypatch, "forget", str(before))[0] == 1
    shops = Workshops(nursery.settings, nursery.clock)
    try:
        number = nursery.scalar("SELECT max(id) FROM portal_task WHERE kind = 'change_key'")
        assert run(shops.newest(), number, "test") == "done"
    finally:
        shops.engine.dispose()
    sealed = "SELECT count(*) FROM portal_audit WHERE action = 'keys:changed'"
    assert nursery.scalar(sealed) == 1
    code, said = command(nursery, monkeypatch, "list")
    lines = {int(line.replace("*", " ").split()[0]): line.split()[-1] for line in said.splitlines()}
    assert int(lines[before + 1]) >= ROWS
    # What is kept for undoing and what waits is still held by older keys.
    with Session(nursery.engines.owner) as session, unit_of_work(session):
        used = usage(session, nursery.runtime)
        session.execute(text("DELETE FROM portal_before"))
        session.execute(text("DELETE FROM portal_request"))
    assert used[before + 1] == int(lines[before + 1])
    assert command(nursery, monkeypatch, "forget", str(before)) == (0, f"Key {before} is gone.\n")
    assert command(nursery, monkeypatch, "forget", str(before + 1))[0] == 1
    page = nursery.api("boss").call("GET", f"gardener/{crowd[0]}")
    assert page.status_code == 200


def test_every_encrypted_column_is_found(nursery: Portal) -> None:
    names = {f"{column.table.name}.{column.name}" for column in columns(nursery.runtime)}
    assert names == {"gardener.mobile", "gardener.phone", "gardener.id_card", "gardener.bank_card",
                     "gardener.pin", "buyer.mobile"}  # fmt: skip
