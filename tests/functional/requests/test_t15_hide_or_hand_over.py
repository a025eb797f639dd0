"""T15: who is about to leave changes no twenty phones; no row is lost to sight; what was done is undone exactly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli.main import main
from tests.functional.requests.asking import decide
from tests.support.chain import Chain, running_chain
from tests.support.servers import Servers

ROWS = "SELECT jsonb_agg(to_jsonb(c) - '{version,updated_at,updated_by}'::text[] ORDER BY id) FROM customer c"


@pytest.fixture(scope="module")
def chain(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    home: Path = tmp_path_factory.mktemp("chain")
    with running_chain(servers, home) as found:
        yield found


def change_phones(chain: Chain, username: str, numbers: list[int]) -> list[int]:
    """One digit of each phone; the statuses of the answers."""
    api, answers = chain.portal.api(username), []
    for number in numbers:
        read = "SELECT mobile || ' ' || version FROM customer WHERE id = :id"
        kept, version = chain.portal.scalar(read, id=number).split()
        mobile = chain.portal.plain(kept)
        other = f"137{mobile[3:]}"
        body = {"mobile": other, "version": int(version)}
        answers.append(api.call("PUT", f"customer/{number}", json=body).status_code)
    return answers


def test_twenty_phones_of_one_who_leaves_are_held(chain: Chain) -> None:
    numbers = [chain.customer() for _ in range(20)]
    before = chain.portal.scalar(ROWS)
    chain.change("staff", chain.people["store"], leave_date=date(2026, 2, 28))
    try:
        answers = change_phones(chain, "store", numbers)
    finally:
        chain.change("staff", chain.people["store"], leave_date=None)
    assert answers == [200] * 5 + [202] * 15
    after = {row["id"]: row for row in chain.portal.scalar(ROWS)}
    same = [row["id"] for row in before if after[row["id"]] == row]
    assert set(same) == set(numbers[5:])
    told = "SELECT count(*) FROM portal_notice WHERE kind = 'request' AND urgency = 'red' AND account_id = :id"
    assert chain.portal.scalar(told, id=chain.accounts["boss"]) == 15
    # The phone in the request is masked for whoever sees it masked; the owner sees both.
    request = chain.portal.scalar("SELECT max(id) FROM portal_request")
    boss = chain.portal.browser("boss")
    # What waits lies encrypted; the twentieth customer would have got this phone.
    kept = chain.portal.scalar(
        "SELECT payload::text FROM portal_request WHERE id = :id", id=request
    )
    new = "137" + chain.portal.plain(after[numbers[-1]]["mobile"])[3:]
    assert new not in kept
    assert new in boss.get(f"/requests/{request}").text
    assert decide(boss, request, "refuse") == 302


def test_others_may_change_a_hundred_in_an_hour(chain: Chain) -> None:
    numbers = [chain.customer() for _ in range(102)]
    with chain.portal.engines.owner.begin() as connection:
        connection.exec_driver_sql("DELETE FROM portal_watched_deed")
    assert change_phones(chain, "store", numbers) == [200] * 100 + [202] * 2


def undo(chain: Chain, *more: str) -> str:
    """What the command says."""
    settings = chain.portal.settings
    environment = {
        "PORTAL_HOME": str(settings.home),
        "PORTAL_SCHEMA": str(settings.schema),
        "PORTAL_DATABASE_URL": settings.database_url,
        "PORTAL_DATABASE_OWNER_URL": settings.database_owner_url,
        "PORTAL_LANGUAGE": "en",
    }
    words = ["undo", "--account", "other", "--since", "2026-01-05", *more]
    answer = CliRunner().invoke(main, words, env=environment, catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_undo_gives_back_the_very_bytes(chain: Chain) -> None:
    """Phones, notes and tags, edited twice, by page and API; a conflict is listed and left alone."""
    chain.at(date(2026, 1, 5))
    numbers = [
        chain.customer(store=chain.stores["S2"], preference_note="  两个空格 \t尾  ", preferences=["茶", "面"],
                       receivable=Decimal("10.50")) for _ in range(4)
    ]  # fmt: skip
    before = {row["id"]: row for row in chain.portal.scalar(ROWS)}
    assert change_phones(chain, "other", numbers) == [200] * 4
    api = chain.portal.api("other")
    for number in numbers:
        body = {"preference_note": "改了", "preferences": ["饭"], "version": 2}
        answer = api.call("PUT", f"customer/{number}", json=body)
        assert answer.status_code == 200, answer.json
    body = {"grade": "a", "version": 3}
    touched = chain.portal.api("boss").call("PUT", f"customer/{numbers[3]}", json=body)
    assert touched.status_code == 200, touched.json
    said = undo(chain)
    assert said.count("Can be put back") == 3
    assert said.count("Changed by others since") == 1
    assert chain.portal.scalar(ROWS) != list(before.values())
    assert "Put back: 3. Left as they are: 1." in undo(chain, "--apply")
    after = {row["id"]: row for row in chain.portal.scalar(ROWS)}
    assert {number for number in numbers if after[number] == before[number]} == set(numbers[:3])
    assert after[numbers[3]]["preference_note"] == "改了"
    deed = "SELECT changes->>'restored' FROM portal_audit WHERE action = 'record:undone' ORDER BY id DESC LIMIT 1"
    assert chain.portal.scalar(deed) == "3"
    page = chain.portal.browser("boss").get(f"/customer/show/{numbers[0]}")
    assert page.status_code == 200
    # What was undone is somebody else's deed now, so nothing is left to undo.
    assert undo(chain).count("Can be put back") == 0


def test_no_row_is_ever_lost_to_sight(chain: Chain) -> None:
    """Whatever the manager does, the stores together hold all customers, each with a place."""
    total = "SELECT count(*) FROM customer WHERE deleted_at IS NULL"
    by_place = ("SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM customer c JOIN org_unit u"
                " ON u.id = c.place_id WHERE c.deleted_at IS NULL GROUP BY u.id) AS places")  # fmt: skip
    api, random = chain.portal.api("store"), Random(15)
    numbers = [chain.customer() for _ in range(5)]
    deeds: list[dict[str, Any]] = [
        {"store": None}, {"store": chain.stores["S2"]}, {"owner": chain.people["other"]}, {"owner": None},
        {"grade": "b"}, {"store": 10**9}, {"place_id": 1}, {"deleted_at": "2026-01-01"},
    ]  # fmt: skip
    for _ in range(60):
        number = random.choice(numbers)
        version = chain.portal.scalar("SELECT version FROM customer WHERE id = :id", id=number)
        body = random.choice(deeds)
        api.call("PUT", f"customer/{number}", json={**body, "version": version})
        api.call("DELETE", f"customer/{number}?version={version}&reason=x")
        assert chain.portal.scalar(total) == chain.portal.scalar(by_place)
    seen = "SELECT count(*) FROM customer WHERE id = ANY(:ids) AND deleted_at IS NULL"
    assert chain.portal.scalar(seen, ids=numbers) == 5
