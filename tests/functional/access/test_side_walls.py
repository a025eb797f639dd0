"""The portal's own tables behind the second wall alone: raw SQL finds nothing there about foreign records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from app.access.side_walls import side_walls
from app.storage.tables import SYSTEM
from tests.functional.customers.asking import new_customer
from tests.support.chain import Chain, running_chain
from tests.support.nursery import CANARY
from tests.support.portals import NOON, Portal
from tests.support.servers import Servers
from tests.support.walls import actor_of, bare

# By table: what its row holds beside the record that it is about.
ABOUT: dict[str, dict[str, Any]] = {
    "portal_before": {"at": NOON, "deed": "changed", "version": 2, "rows": {"a": CANARY}},
    "portal_tombstone": {"title": CANARY, "row": {"a": CANARY}, "account_name": "x"},
    "portal_file": {"sha256": "0" * 64, "name": CANARY, "kind": "pdf", "size": 1, "field": "f"},
    "portal_legal_hold": {"reason": CANARY, "set_at": NOON},
    "portal_put_away": {"title": CANARY, "months": 1, "at": NOON, "request_id": 1},
}
CLOSED = ("portal_before", "portal_tombstone")
OF_ACCOUNT: dict[str, tuple[str, dict[str, Any]]] = {
    "portal_notice": ("account_id", {"kind": "k", "texts": {"zh": CANARY}}),
    "portal_export_blocked": ("account_id", {"at": NOON, "what": CANARY, "entity": "buyer"}),
    "portal_report_snapshot": ("account_id", {
        "report": "r", "label": {}, "asked": {"a": CANARY}, "made_at": NOON, "format": "pdf", "name": CANARY,
        "storage_key": "k", "size": 1, "sha256": "s", "schema_digest": "d", "lines": 1, "rights": {},
        "kept_until": NOON}),
    "portal_report_schedule": ("owner_id", {
        "report": "r", "label": {}, "asked": {"a": CANARY}, "format": "pdf", "every": "day", "at": "08:00",
        "recipients": "[]", "channels": "[]", "language": "zh", "last_slot": NOON}),
    "portal_saved_view": ("account_id", {"entity": "buyer", "query": CANARY}),
    "portal_task": ("account_id", {"kind": "k", "title": {}, "language": "zh", "revision": 1,
                                   "arguments": {"a": CANARY}}),
    "portal_export_grant": ("account_id", {"entity": "buyer", "asked": {"a": CANARY}, "digest": "d",
                                           "most_rows": 1, "created_at": NOON, "expires_at": NOON}),
    "portal_report": ("owner_id", {"label": CANARY, "source": CANARY}),
    "portal_request": ("requester_id", {"kind": "change", "entity": "buyer", "payload": {"a": CANARY},
                                        "digest": "d", "reason": CANARY, "created_at": NOON,
                                        "expires_at": NOON, "state": "withdrawn"}),
}  # fmt: skip
# What tells two rows of one account apart.
KEYS = {"portal_notice": "key", "portal_saved_view": "name"}


@pytest.fixture(scope="module")
def chain(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with running_chain(servers, tmp_path_factory.mktemp("side")) as made:
        yield made


def test_what_is_about_a_record_is_reached_with_the_record(nursery: Portal) -> None:
    west = actor_of(nursery, nursery.ids["account_west"])
    for table, values in ABOUT.items():
        own = _put(nursery, table, {**values, "entity": "buyer", "record_id": nursery.ids["buyer"]})
        far = {**values, "entity": "buyer", "record_id": nursery.ids["far_buyer"]}
        _put(nursery, table, far)
        _put(nursery, table, {**values, "entity": "portal_request", "record_id": 1})
        assert _ids(nursery, None, table) == set(), table
        assert _ids(nursery, west, table) == (set() if table in CLOSED else {own}), table


def test_what_is_of_an_account_is_reached_by_the_account(nursery: Portal) -> None:
    ids = nursery.ids
    west = actor_of(nursery, ids["account_west"])
    for table, (column, values) in OF_ACCOUNT.items():
        mine = {**values, column: ids["account_west"]}
        theirs = {**values, column: ids["account_boss"]}
        if table == "portal_request":
            mine["beneficiary_id"], theirs["beneficiary_id"] = mine[column], theirs[column]
        if table in KEYS:
            mine[KEYS[table]], theirs[KEYS[table]] = "side-mine", "side-theirs"
        before = _ids(nursery, west, table)
        own = _put(nursery, table, mine)
        _put(nursery, table, theirs)
        assert _ids(nursery, None, table) == set(), table
        assert _ids(nursery, west, table) - before == {own}, table


def test_whoever_reaches_a_record_reaches_the_request_about_it(nursery: Portal) -> None:
    ids = nursery.ids
    west = actor_of(nursery, ids["account_west"])
    _, values = OF_ACCOUNT["portal_request"]
    asked = {**values, "requester_id": ids["account_boss"], "beneficiary_id": ids["account_boss"]}
    near, far = (_put(nursery, "portal_request", asked) for _ in range(2))
    with nursery.engines.owner.begin() as connection:
        for number, record in ((near, ids["buyer"]), (far, ids["far_buyer"])):
            connection.execute(
                text("INSERT INTO portal_request_record VALUES (:number, 'buyer', :record)"),
                {"number": number, "record": record},
            )
    found = _ids(nursery, west, "portal_request")
    assert near in found
    assert far not in found


def test_what_the_trail_told_is_read_with_its_record(nursery: Portal) -> None:
    west = actor_of(nursery, nursery.ids["account_west"])
    boss = actor_of(nursery, nursery.ids["account_boss"])
    told = text(
        "SELECT DISTINCT e.record_id FROM portal_audit_value v JOIN portal_audit_entry e USING (id)"
        " WHERE e.entity = 'buyer'"
    )
    titles = text("SELECT record_title FROM portal_audit WHERE record_title LIKE :words")
    with bare(nursery, west) as connection:
        assert set(connection.scalars(told)) == {nursery.ids["buyer"]}
        assert not connection.scalars(titles, {"words": f"%{CANARY}%"}).all()
    with bare(nursery, None) as connection:
        assert not connection.scalars(text("SELECT told FROM portal_audit_value")).all()
    with bare(nursery, boss) as connection:
        assert nursery.ids["far_buyer"] in set(connection.scalars(told))


def test_raw_sql_changes_nothing_of_others_beside_the_records(nursery: Portal) -> None:
    values = {**ABOUT["portal_legal_hold"], "entity": "gardener", "record_id": nursery.ids["far"]}
    far = _put(nursery, "portal_legal_hold", values)
    west = actor_of(nursery, nursery.ids["account_west"])
    with bare(nursery, west) as connection:
        for statement in (
            "UPDATE portal_legal_hold SET lifted_at = now() WHERE id = :id",
            "DELETE FROM portal_legal_hold WHERE id = :id",
        ):
            assert connection.execute(text(statement), {"id": far}).rowcount == 0


def test_every_table_that_holds_values_has_its_policy(nursery: Portal) -> None:
    """Whoever adds a table with texts or values decides here where it belongs."""
    walled = {wall.table for wall in side_walls(nursery.schema)}
    kept = {
        table.name
        for table in SYSTEM.tables.values()
        if {"record_id", "account_id"} & set(table.c.keys())
        and {"title", "texts", "rows", "row", "payload", "asked", "query", "told"} & set(table.c.keys())
    }  # fmt: skip
    assert kept <= walled
    with nursery.engines.owner.connect() as connection:
        guarded = text("SELECT relname FROM pg_class WHERE relrowsecurity AND relkind = 'r'")
        assert set(connection.execute(guarded).scalars()) >= walled


def test_the_same_holds_with_the_schema_of_the_product(chain: Chain) -> None:
    near = int(new_customer(chain, chain.portal.api("seller"))["id"])
    chain.change("customer", near, owner_id=chain.people["seller"], state="active")
    far = int(new_customer(chain, chain.portal.api("other"), store=chain.stores["S2"])["id"])
    assert chain.portal.scalar("SELECT count(*) FROM portal_audit WHERE record_id = :far", far=far)
    store = actor_of(chain.portal, chain.accounts["store"])
    told = text(
        "SELECT record_id FROM portal_audit WHERE entity = 'customer' AND record_title <> ''"
    )
    with bare(chain.portal, store) as connection:
        assert set(connection.scalars(told)) == {near}
        for table in CLOSED:
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    with bare(chain.portal, None) as connection:
        assert not connection.scalars(told).all()


# Private


def _put(portal: Portal, table: str, values: dict[str, Any]) -> int:
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join(f":{name}" for name in values)
    said = {
        name: json.dumps(value) if isinstance(value, dict) else value
        for name, value in values.items()
    }
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id"
    with portal.engines.owner.begin() as connection:
        return int(connection.execute(text(statement), said).scalar_one())


def _ids(portal: Portal, actor: Any, table: str) -> set[int]:
    with bare(portal, actor) as connection:
        return set(connection.scalars(text(f"SELECT id FROM {table}")))
