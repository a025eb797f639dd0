"""Lists: every column sorts, every filter filters, pages and counts end where they should, in few statements."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from app.language.field_types import FIELD_TYPES
from tests.support.portals import NOON, Browser, Portal

MOST_STATEMENTS = 8
MOST_BYTES = 120_000
MOST_PACKED = 30_000
MANY = 12_000


@pytest.fixture(scope="module")
def boss(nursery: Portal) -> Browser:
    """The owner's browser, in English."""
    browser = nursery.browser("boss")
    browser.post("/lang/en")
    return browser


@pytest.fixture(scope="module")
def sorts(nursery: Portal) -> dict[str, int]:
    """One record of each kind of filter that differs from all others."""
    ids = nursery.ids
    with nursery.records() as records:
        made = {
            "species": records.create(
                "species", {"name": "雪松", "sun": "full", "seasons": ["spring"],
                            "sow_from": date(2026, 3, 1), "germination": Decimal("12.5")}
            ),
            "weather": records.create(
                "weather", {"at": datetime(2020, 2, 29, 23, 30, tzinfo=UTC), "warmth": Decimal("-3.5")}
            ),
            "task": records.create(
                "task", {"name": "找东西", "bed": ids["east"], "doer": ids["far"],
                         "due_on": date(2027, 1, 31), "tools": [ids["spade"]]}
            ),
        }  # fmt: skip
        made["plant"] = records.create(
            "plant", {"label_text": "雪松一号", "species": made["species"], "bed": ids["east"],
                      "price": Decimal("5000"), "planted_on": date(2019, 5, 6), "labels": ["稀有"],
                      "healthy": True, "note": "100%_真"}
        )  # fmt: skip
        records.move("plant", made["plant"], "sicken", 1, {"illness": "虫"})
    return made


def keys(text: str, entity: str) -> list[int]:
    """The records in a list, in order."""
    found = re.findall(rf'class="name" href="/{entity}/show/(\d+)"', text)
    return list(dict.fromkeys(int(key) for key in found))


def test_every_field_type_of_the_language_is_tried(nursery: Portal) -> None:
    used = {
        field.type
        for entity in nursery.schema.entities.values()
        for field in entity.fields.values()
    }
    assert set(FIELD_TYPES) - used == set()


def test_every_column_sorts_both_ways(nursery: Portal, boss: Browser) -> None:
    api, tried = nursery.api("boss"), 0
    for entity in nursery.schema.enabled_entities():
        page = boss.get(f"/{entity.name}/list/?size=100")
        for name in re.findall(rf"/{entity.name}/list/\?sort=-?(\w+)", page.text):
            orders = []
            for sign in ("", "-"):
                answer = boss.get(f"/{entity.name}/list/?size=100&sort={sign}{name}")
                assert answer.status_code == 200
                orders.append(keys(answer.text, entity.name))
                direction = "desc" if sign else "asc"
                q = f"(order_column:{name},order_direction:{direction},page_size:100)"
                assert api.call("GET", f"{entity.name}/?q={quote(q)}").json["ids"] == orders[-1], (
                    entity.name,
                    name,
                )
            assert set(orders[0]) == set(orders[1])
            tried += 1
    assert tried > 25


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("plant/list/?species={species}", True), ("plant/list/?species={species},999", True),
        ("plant/list/?species=999", False),
        ("plant/list/?price=4999.99..5000", True), ("plant/list/?price=..4999", False),
        ("plant/list/?price=5000", True),
        ("plant/list/?healthy=false", True), ("plant/list/?healthy=true", False), ("plant/list/?healthy=0", True),
        ("plant/list/?planted_on=2019-05-06", True), ("plant/list/?planted_on=2019-05", False),
        ("plant/list/?planted_on=..2019-12-31", True),
        ("plant/list/?planted_on=2019-05-07..", False), ("plant/list/?labels=稀有", True),
        ("plant/list/?labels=红", False),
        ("plant/list/?labels=红,稀有", True), ("plant/list/?state=sick", True), ("plant/list/?state=growing", False),
        ("plant/list/?state=growing,sick", True), ("plant/list/?note=100%25_", True),
        ("plant/list/?note=100__", False),
        ("plant/list/?q=雪松", True), ("plant/list/?q=松一号", True), ("plant/list/?q=xuesong", True),
        ("plant/list/?q=xsyh", True),
        ("plant/list/?q=雪 一号", True), ("plant/list/?q=雪花", False), ("plant/list/?q=XUESONG", True),
        ("plant/list/?q=_", False),
        ("plant/list/?state=sick&healthy=false&price=5000&labels=稀有&q=雪松", True),
        ("plant/list/?state=sick&price=..1", False),
        ("task/list/?tools={spade}", True), ("task/list/?tools=999", False), ("task/list/?due_on=2027-01-31", True),
        ("task/list/?due_on=2027-02..", False), ("task/list/?doer={far}", True), ("task/list/?q=找东", True),
        ("weather/list/?at=2020-03-01", True), ("weather/list/?at=2020-02-29", False),
        ("weather/list/?at=2020-03-01..2020-03-01", True),
        ("weather/list/?warmth=-3.5", True), ("weather/list/?warmth=0..", False),
        ("weather/list/?warmth=-10..0", True),
    ],
)  # fmt: skip
def test_every_kind_of_filter(
    nursery: Portal, boss: Browser, sorts: dict[str, int], path: str, found: bool
) -> None:
    entity = path.partition("/")[0]
    answer = boss.get("/" + path.format(**{**nursery.ids, **sorts}) + "&size=100")
    assert answer.status_code == 200
    assert (sorts[entity] in keys(answer.text, entity)) is found


@pytest.mark.parametrize(
    ("entity", "item", "found"),
    [
        ("plant", "(col:price,opr:eq,value:5000)", True), ("plant", "(col:price,opr:gt,value:5000)", False),
        ("plant", "(col:price,opr:lt,value:5000.01)", True),
        ("plant", "(col:price,opr:between,value:!(4999,5001))", True),
        ("plant", "(col:planted_on,opr:lt,value:'2019-05-07')", True),
        ("plant", "(col:planted_on,opr:gt,value:'2019-05-06')", False),
        ("plant", "(col:healthy,opr:eq,value:!f)", True), ("plant", "(col:healthy,opr:eq,value:!t)", False),
        ("plant", "(col:labels,opr:ct,value:稀有)", True), ("plant", "(col:labels,opr:in,value:!(红,稀有))", True),
        ("plant", "(col:label_text,opr:ct,value:松一)", True), ("plant", "(col:state,opr:eq,value:sick)", True),
        ("plant", "(col:sold_on,opr:empty)", True), ("plant", "(col:sold_on,opr:filled)", False),
        ("plant", "(col:species,opr:rel_o_m,value:{species})", True),
        ("task", "(col:tools,opr:rel_m_m,value:!({spade}))", True),
        ("species", "(col:seasons,opr:eq,value:spring)", True),
        ("species", "(col:sow_from,opr:eq,value:'2026-03')", True),
        ("species", "(col:sow_from,opr:gt,value:'2026-03')", False),
        ("weather", "(col:at,opr:gt,value:'2020-02-29T23:30:00Z')", False),
        ("weather", "(col:at,opr:lt,value:'2020-03-01T00:00:00+00:00')", True),
        ("species", "(col:id,opr:in,value:!({species}))", True),
        ("species", "(col:germination,opr:eq,value:'12.50')", True),
    ],
)  # fmt: skip
def test_every_operator_of_the_api(
    nursery: Portal, sorts: dict[str, int], entity: str, item: str, found: bool
) -> None:
    q = f"(filters:!({item.format(**{**nursery.ids, **sorts})}),page_size:100)"
    answer = nursery.api("boss").call("GET", f"{entity}/?q={quote(q)}")
    assert answer.status_code == 200, answer.text
    assert (sorts[entity] in answer.json["ids"]) is found
    assert answer.json["count"] == len(answer.json["ids"])


def test_a_code_is_found(nursery: Portal, boss: Browser, sorts: dict[str, int]) -> None:
    number = nursery.scalar("SELECT number FROM task WHERE id = :id", id=sorts["task"])
    for typed in (number, number.lower(), number[-4:]):
        assert sorts["task"] in keys(boss.get(f"/task/list/?q={typed}").text, "task"), typed


def test_named_views_and_their_columns(nursery: Portal) -> None:
    browser = nursery.browser("west")
    page = browser.get("/task/list/?view=mine").text
    assert nursery.ids["task"] in keys(page, "task")
    assert nursery.ids["own_task"] not in keys(page, "task")
    assert 'data-l="苗床"' not in page
    assert browser.get("/task/list/?view=nonsense").status_code == 200


def many_tools(portal: Portal) -> None:
    """Put more rows into a table than are ever counted."""
    columns = portal.scalar(
        "SELECT string_agg(column_name, ',') FROM information_schema.columns WHERE table_name = 'tool'"
        " AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER'"
    ).split(",")
    values = {"name": "'批量' || n", "created_at": "now()", "updated_at": "now()", "version": "1"}
    chosen = ", ".join(values.get(column, "''") for column in columns)
    with portal.engines.owner.begin() as connection:
        statement = f"INSERT INTO tool ({', '.join(columns)}) SELECT {chosen} FROM generate_series(1, {MANY}) n"
        connection.exec_driver_sql(statement)


def test_counting_stops_at_ten_thousand(nursery: Portal, boss: Browser) -> None:
    many_tools(nursery)
    page = boss.get("/tool/list/")
    assert "10,000+" in page.text
    assert "12,000" not in page.text
    assert nursery.api("boss").call("GET", "tool/").json["count"] == -1
    far = boss.get(f"/tool/list/?page={MANY // 25}")
    assert len(keys(far.text, "tool")) == 25
    assert boss.get("/tool/list/?page=99999999").status_code == 200
    assert len(keys(boss.get("/tool/list/?size=100000").text, "tool")) <= 100


def statements_of(portal: Portal, browser: Browser, path: str) -> int:
    """How many statements a page takes once it is warm."""
    browser.get(path)
    with portal.statements() as said:
        assert browser.get(path).status_code == 200, path
    return len(said)


def pages(portal: Portal) -> list[str]:
    """The list, form and a record of every kind."""
    found: list[str] = []
    for entity in portal.schema.enabled_entities():
        found += [f"/{entity.name}/list/", f"/{entity.name}/list/?size=100", f"/{entity.name}/add"]
        key: Any = portal.scalar(f'SELECT max(id) FROM "{entity.name}"')
        if key:
            found += [f"/{entity.name}/{page}/{key}" for page in ("show", "edit", "history")]
    return found


def test_no_page_takes_many_statements(
    nursery: Portal, boss: Browser, sorts: dict[str, int]
) -> None:
    counted = {path: statements_of(nursery, boss, path) for path in pages(nursery)}
    assert {path: number for path, number in counted.items() if number > MOST_STATEMENTS} == {}


def test_the_number_of_rows_changes_no_number_of_statements(nursery: Portal, boss: Browser) -> None:
    for entity in ("plant", "task", "tool"):
        few, all_ = (
            statements_of(nursery, boss, f"/{entity}/list/?size={size}") for size in (1, 100)
        )
        assert few == all_, entity


def test_no_list_of_a_hundred_is_heavy(nursery: Portal, boss: Browser) -> None:
    for entity in nursery.schema.enabled_entities():
        answer = boss.get(f"/{entity.name}/list/?size=100")
        assert len(answer.data) <= MOST_BYTES, entity.name
        assert len(gzip.compress(answer.data)) <= MOST_PACKED, entity.name


def test_the_api_takes_few_statements(nursery: Portal) -> None:
    api = nursery.api("boss")
    for entity in nursery.schema.enabled_entities():
        api.call("GET", f"{entity.name}/")
        with nursery.statements() as said:
            assert api.call("GET", f"{entity.name}/?q=(page_size:100)").status_code == 200
        assert len(said) <= MOST_STATEMENTS, entity.name


def test_the_titles_of_a_page_of_a_record_come_in_one_statement(nursery: Portal) -> None:
    address, browser = f"/species/show/{nursery.ids['maple']}", nursery.browser("boss")
    with nursery.statements() as said:
        page = browser.get(address).text
    assert len([one for one in said if "jsonb_build_array" in one]) == 1
    assert "西床" in page


def test_only_a_part_is_sent_to_htmx(boss: Browser) -> None:
    part = boss.get("/plant/list/?q=x", headers={"HX-Request": "true", "HX-Target": "record-list"})
    assert "<html" not in part.text
    assert 'id="record-list"' in part.text
    assert boss.get("/plant/list/").text.startswith("<!doctype html>")


def test_related_lists_page_on(nursery: Portal, boss: Browser) -> None:
    plant = nursery.ids["plant2"]
    with nursery.records() as records:
        for number in range(13):
            records.create("measurement", {"plant": plant, "at": NOON, "height": Decimal(number)})
    first, second = (
        keys(boss.get(f"/plant/related/{plant}/measurement.plant?page={page}").text, "measurement")
        for page in (1, 2)
    )
    assert (len(first), len(second)) == (10, 3)
    assert not set(first) & set(second)
    for key in ("nonsense", "task.doer", "plant.species", "measurement.height"):
        assert boss.get(f"/plant/related/{plant}/{key}").status_code == 404


def test_what_the_filter_form_sends_keeps_view_order_and_size(nursery: Portal) -> None:
    browser = nursery.browser("west")
    page = browser.get("/task/list/?view=mine&sort=-number&size=50").text
    sent = re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)" form="filters-form"', page)
    assert dict(sent) == {"view": "mine", "sort": "-number"}
    sizes = re.search(r'<select[^>]* name="size".*?</select>', page)
    assert sizes
    assert re.findall(r'value="([^"]*)"', sizes[0]) == ["25", "50", "100"]
    assert '"50" selected' in sizes[0]
