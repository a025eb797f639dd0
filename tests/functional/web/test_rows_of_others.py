"""What lies in another bed is nowhere: in no list, link, form, lookup, search, count or answer of the API."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from app.language.definitions import Entity
from tests.support.nursery import CANARY
from tests.support.portals import Api, Browser, Portal
from tests.support.strangers import plant_strangers, point_at_strangers

READERS = ("west", "helper", "inspector")
ABSENT = 999_999


@pytest.fixture(scope="module")
def portal(nursery: Portal) -> Portal:
    """The nursery with an inspector of the west bed, and strangers in the east."""
    nursery.account("inspector", "inspector", nursery.ids["west"])
    return nursery


@pytest.fixture(scope="module")
def strangers(portal: Portal) -> dict[str, int]:
    return plant_strangers(portal)


@pytest.fixture(scope="module")
def crossing(portal: Portal, strangers: dict[str, int]) -> dict[str, int]:
    return point_at_strangers(portal, strangers)


@pytest.fixture(scope="module", params=READERS)
def reader(request: pytest.FixtureRequest, portal: Portal) -> tuple[str, Browser, Api]:
    return request.param, portal.browser(request.param), portal.api(request.param)


def lookups(entity: Entity) -> list[str]:
    """The fields of an entity that are chosen from other records."""
    kinds = ("link", "links", "parent", "reference")
    return [field.name for field in entity.fields.values() if field.type in kinds]


def pages_of(entity: Entity, stranger: int) -> Iterator[str]:
    """Every address at which a stranger of this kind could show himself."""
    name = entity.name
    yield f"/{name}/list/"
    yield f"/{name}/list/?size=100&q={CANARY}"
    for field in entity.list.filters:
        yield f"/{name}/list/?{field}={CANARY}"
        yield f"/{name}/list/?{field}={stranger}"
        yield f"/{name}/list/?sort={field}"
    for view in entity.list.views:
        yield f"/{name}/list/?view={view.name}"
    for key in (stranger, ABSENT):
        yield f"/{name}/show/{key}"
        yield f"/{name}/edit/{key}"
        yield f"/{name}/history/{key}"
        for related in entity.related:
            yield f"/{name}/related/{key}/{related.entity}.{related.by}"
    for field in lookups(entity):
        yield f"/{name}/lookup/{field}?q="
        yield f"/{name}/lookup/{field}?q={CANARY}"
        yield f"/{name}/add?{field}={stranger}"


def test_no_page_shows_a_stranger(
    portal: Portal,
    strangers: dict[str, int],
    crossing: dict[str, int],
    reader: tuple[str, Browser, Api],
) -> None:
    _, browser, _ = reader
    seen = []
    for entity in portal.schema.enabled_entities():
        for path in pages_of(entity, strangers.get(entity.name, ABSENT)):
            answer = browser.get(path)
            # What was asked for may be said again, such as a search or a filter.
            told = answer.text.replace(f'value="{CANARY}"', "")
            asked = f"={CANARY}" in path and "/list/" in path
            if answer.status_code >= 500 or (CANARY in told and not asked) or f"{CANARY}-" in told:
                seen.append((answer.status_code, path))
    assert seen == []


def test_the_owner_sees_them_all(portal: Portal, strangers: dict[str, int]) -> None:
    browser = portal.browser("boss")
    for name, key in strangers.items():
        if portal.schema.entities[name].search_fields or name == "bed":
            assert CANARY in browser.get(f"/{name}/show/{key}").text, name


def test_a_stranger_and_nobody_look_the_same(
    portal: Portal, strangers: dict[str, int], reader: tuple[str, Browser, Api]
) -> None:
    _, browser, api = reader
    browser.get("/")
    for name, key in strangers.items():
        for page in ("show", "edit", "history"):
            found, nothing = (browser.get(f"/{name}/{page}/{number}") for number in (key, ABSENT))
            assert found.status_code == nothing.status_code, (name, page)
            assert found.status_code in (403, 404)
        for action in ("delete", "move"):
            ends = [f"/{name}/{action}/{number}" for number in (key, ABSENT)]
            ends = [f"{end}/finish" if action == "move" else end for end in ends]
            found, nothing = (browser.post(end, {"version": "1"}) for end in ends)
            assert (found.status_code, len(found.data)) == (nothing.status_code, len(nothing.data))
        for method, more in (("GET", {}), ("PUT", {"json": {"version": 1}}), ("DELETE", {})):
            both = (api.call(method, f"{name}/{number}", **more) for number in (key, ABSENT))
            found, nothing = both
            assert (found.status_code, found.data) == (nothing.status_code, nothing.data), (
                name,
                method,
            )


def test_strangers_are_not_counted(
    portal: Portal, strangers: dict[str, int], reader: tuple[str, Browser, Api]
) -> None:
    username, browser, api = reader
    if username != "west":
        return
    for name, entity in portal.schema.entities.items():
        answer = api.call("GET", f"{name}/?q=(page_size:100)")
        if answer.status_code != 200 or not entity.has_place:
            continue
        alive = "" if entity.deletion.value != "soft" else " AND deleted_at IS NULL"
        own = portal.scalar(
            f'SELECT count(*) FROM "{name}" WHERE place_id = :west{alive}', west=portal.ids["west"]
        )
        assert answer.json["count"] == own == len(answer.json["ids"]), name
    tile = portal.scalar("SELECT count(*) FROM plant WHERE place_id = :w", w=portal.ids["west"])
    assert f">{tile}<" in browser.get("/").text.replace("\n", "").replace(" ", "")


def test_summaries_count_own_rows_only(
    portal: Portal, strangers: dict[str, int], reader: tuple[str, Browser, Api]
) -> None:
    username, _, api = reader
    if username != "west":
        return
    maple = portal.ids["maple"]
    own = portal.scalar(
        "SELECT count(*) FROM plant WHERE species_id = :s AND place_id = :w AND deleted_at IS NULL",
        s=maple, w=portal.ids["west"],
    )  # fmt: skip
    assert int(api.call("GET", f"species/{maple}").json["result"]["plants"]) == own


def test_own_rows_that_point_at_strangers_do_not_name_them(
    portal: Portal, crossing: dict[str, int], reader: tuple[str, Browser, Api]
) -> None:
    _, browser, api = reader
    for name, key in crossing.items():
        for page in (
            f"/{name}/show/{key}",
            f"/{name}/edit/{key}",
            f"/{name}/history/{key}",
            f"/{name}/list/",
        ):
            assert CANARY not in browser.get(page).text, page
        for path in (f"{name}/{key}", f"{name}/?q=(page_size:100)"):
            assert CANARY not in api.call("GET", path).text, path


def test_nobody_links_to_a_stranger(portal: Portal, strangers: dict[str, int]) -> None:
    api, west = portal.api("west"), portal.ids["west"]
    task = {"name": "越界", "bed": west}
    for values in (
        {**task, "bed": strangers["bed"]},
        {**task, "doer": strangers["gardener"]},
        {**task, "about": f"plant:{strangers['plant']}"},
        {**task, "about": f"plant:{ABSENT}"},
    ):
        answer = api.call("POST", "task/", json=values)
        assert answer.status_code == 422, values
        assert CANARY not in answer.text
    made = api.call("POST", "task/", json=task).json["id"]
    for field, key in (("bed", strangers["bed"]), ("bed", None), ("doer", strangers["gardener"])):
        answer = api.call("PUT", f"task/{made}", json={"version": 1, field: key})
        assert answer.status_code in (403, 422), (field, key)
    steps = [{"id": strangers["task_step"], "version": 1, "what": "抢走"}]
    stolen = api.call("PUT", f"task/{made}", json={"version": 1, "steps": steps})
    assert stolen.status_code in (404, 409, 422)
    assert CANARY not in stolen.text
    assert portal.scalar("SELECT count(*) FROM task_step WHERE what = '抢走'") == 0
    assert portal.scalar("SELECT version FROM task WHERE id = :id", id=made) == 1


def test_bulk_actions_reach_no_stranger(portal: Portal, strangers: dict[str, int]) -> None:
    browser = portal.browser("west")
    browser.get("/task/list/")
    for action in ("delete", "move:finish"):
        ids = f"{strangers['task']},{strangers['plant']},{ABSENT}"
        answer = browser.post("/task/bulk", {"action": action, "ids": ids})
        assert CANARY not in browser.get(answer.headers["Location"]).text
    row = "SELECT state || version || coalesce(deleted_at::text, '') FROM task WHERE id = :id"
    assert portal.scalar(row, id=strangers["task"]) == "open1"


def test_filters_of_the_api_reach_no_stranger(
    portal: Portal, strangers: dict[str, int], reader: tuple[str, Browser, Api]
) -> None:
    _, _, api = reader
    for q in (
        f"(filters:!((col:id,opr:eq,value:{strangers['plant']})))",
        f"(filters:!((col:bed,opr:rel_o_m,value:{strangers['bed']})))",
        f"(filters:!((col:label_text,opr:ct,value:'{CANARY}')))",
        f"(search:'{CANARY}')",
    ):
        answer = api.call("GET", "plant/?q=" + quote(q))
        assert answer.status_code in (200, 404)
        assert answer.status_code == 404 or (answer.json["count"], answer.json["ids"]) == (0, [])
