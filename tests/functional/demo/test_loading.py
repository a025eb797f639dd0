"""Loading many rows keeps every rule that single writes keep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.access.accounts import load_actor
from app.access.actor import Actor, system_actor
from app.kernel.errors import Forbidden, Invalid, NotFound
from app.language.definitions import Rights
from app.records.loading import BATCH, load
from app.storage.database import make_sessions
from tests.support.portals import NOON, Portal


@contextmanager
def session_of(portal: Portal) -> Iterator[Session]:
    """A session whose deeds are kept."""
    sessions = make_sessions(portal.engines.app)
    session = sessions()
    try:
        with session.begin():
            yield session
    finally:
        sessions.remove()


def portal_itself(portal: Portal) -> Actor:
    rights = {name: frozenset(Rights) for name in portal.schema.entities}
    return system_actor(portal.schema, rights, "test")


def run(portal: Portal, name: str, rows: list[dict[str, Any]], who: str | None = None) -> list[int]:
    with session_of(portal) as session:
        actor = portal_itself(portal)
        if who:
            account = portal.ids[f"account_{who}"]
            actor = load_actor(session, portal.schema, portal.runtime.models, account, NOON.date())
        return load(portal.runtime, session, actor, name, rows)


def problems(portal: Portal, name: str, rows: list[dict[str, Any]], who: str | None = None) -> Any:
    with pytest.raises(Invalid) as raised:
        run(portal, name, rows, who)
    return {at: str(said[0]) for at, said in raised.value.problems.items()}


def plant(portal: Portal, label: str, **more: Any) -> dict[str, Any]:
    return {"label_text": label, "species": portal.ids["maple"], "bed": portal.ids["west"], **more}


def test_rows_get_defaults_state_place_search_and_sort_key(nursery: Portal) -> None:
    ids = run(
        nursery,
        "plant",
        [plant(nursery, "红枫甲", price=Decimal(5), groups=[nursery.ids["group"]])],
    )
    row = nursery.scalar("SELECT to_jsonb(plant) FROM plant WHERE id = :id", id=ids[0])
    assert row["healthy"] is True
    assert row["state"] == "growing"
    assert row["place_id"] == nursery.ids["west"]
    assert "hongfengjia" in row["search_text"]
    assert row["sort_key"] == "hong feng jia"
    assert row["version"] == 1
    linked = nursery.scalar("SELECT target_id FROM plant__groups WHERE record_id = :id", id=ids[0])
    assert linked == nursery.ids["group"]


def test_the_place_is_found_over_two_links(nursery: Portal) -> None:
    rows = [
        {"plant": nursery.ids[name], "at": NOON, "height": Decimal(3)}
        for name in ("plant1", "far_plant")
    ]
    first, second = run(nursery, "measurement", rows)
    place = "SELECT place_id FROM measurement WHERE id = :id"
    assert nursery.scalar(place, id=first) == nursery.ids["west"]
    assert nursery.scalar(place, id=second) == nursery.ids["east"]


def test_codes_go_by_the_year_of_each_row(nursery: Portal) -> None:
    old = datetime(2024, 3, 1, tzinfo=UTC)
    rows: list[dict[str, Any]] = [
        {"buyer": nursery.ids["buyer"]},
        {"buyer": nursery.ids["buyer"], "created_at": old},
    ]
    now, then = run(nursery, "sale", rows)
    number = "SELECT number FROM sale WHERE id = :id"
    assert nursery.scalar(number, id=now).startswith("S2026")
    assert nursery.scalar(number, id=then) == "S202400001"


def test_more_than_a_batch_keeps_its_order(nursery: Portal) -> None:
    rows = (
        {"plant": nursery.ids["plant2"], "at": NOON, "height": Decimal(n)} for n in range(BATCH + 5)
    )
    with session_of(nursery) as session:
        ids = load(nursery.runtime, session, portal_itself(nursery), "measurement", rows)
    assert len(ids) == BATCH + 5
    last = nursery.scalar("SELECT height FROM measurement WHERE id = :id", id=ids[-1])
    assert last == BATCH + 4
    entries = "SELECT count(*) FROM portal_audit WHERE action = 'record:loaded' AND entity = 'measurement'"
    assert nursery.scalar(entries) >= 2


def test_wrong_values_are_told_by_row_and_field(nursery: Portal) -> None:
    rows = [
        plant(nursery, "好"),
        plant(nursery, "坏", price="x", rank=9),
        plant(nursery, "怪", size=3),
    ]
    assert set(problems(nursery, "plant", rows)) == {"1.price", "1.rank", "2.size"}
    assert nursery.scalar("SELECT count(*) FROM plant WHERE label_text = '好'") == 0


@pytest.mark.parametrize(
    ("values", "at"),
    [
        ({"planted_on": date(2026, 5, 2), "sold_on": date(2026, 5, 1)}, "sold_on"),
        ({"healthy": False}, "illness"),
        ({"illness": "虫害"}, "illness"),
        ({"species": None}, "0.species"),
    ],
)
def test_rules_of_the_schema_hold(nursery: Portal, values: dict[str, Any], at: str) -> None:
    assert set(problems(nursery, "plant", [plant(nursery, "规则", **values)])) == {at}


def test_what_is_only_a_warning_is_loaded(nursery: Portal) -> None:
    assert run(nursery, "plant", [plant(nursery, "贵树", price=Decimal(5000))])


def test_a_taken_value_is_told_without_sql(nursery: Portal) -> None:
    found = problems(nursery, "plant", [plant(nursery, "丽水槭树00")])
    assert set(found) == {"bed", "label_text"}
    assert "INSERT" not in str(found)


def test_a_reference_must_lead_somewhere(nursery: Portal) -> None:
    row = {"name": "查看", "bed": nursery.ids["west"], "about": "plant:99999999"}
    assert set(problems(nursery, "task", [row])) == {"about"}
    assert run(nursery, "task", [{**row, "about": f"plant:{nursery.ids['plant3']}"}])


def test_without_the_right_to_import_nothing_is_loaded(nursery: Portal) -> None:
    with pytest.raises(Forbidden):
        run(nursery, "plant", [plant(nursery, "偷种")], "west")
    with pytest.raises(NotFound):
        run(nursery, "nowhere", [{}], "west")


def test_people_may_not_set_what_only_the_portal_sets(nursery: Portal) -> None:
    row = plant(nursery, "假旧", state="sick", created_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert set(problems(nursery, "plant", [row], "boss")) == {"0.state", "0.created_at"}
    assert run(nursery, "plant", [plant(nursery, "园主的树")], "boss")
    assert set(problems(nursery, "gardener", [{"name": "甲", "bed": 1, "photo": 1}], "boss")) == {
        "0.photo"
    }
