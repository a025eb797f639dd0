"""T25: unmasking waits for a second person, and a name that comes back to the schema brings no right with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.factory import apply, compiled_revision, conflicts
from app.language.compiler import compile_sources
from app.language.definitions import Role, Schema
from app.language.overlay_merge import base_sources
from tests.functional.attacks.registry import registry
from tests.functional.requests.asking import decide
from tests.functional.rights.changing import apply_now, change
from tests.support.people import command
from tests.support.portals import Portal
from tests.support.servers import Servers

OLD_PHONE = "  phone: {type: phone, label: {zh: 电话, en: Phone}, class: private}\n"


@pytest.fixture
def portal(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with registry(
        servers, tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("schema")
    ) as made:
        yield made


def files(portal: Portal) -> dict[str, str]:
    """The files of the schema as they are applied, without the overlay."""
    return base_sources(compiled_revision(portal.engines)[0].sources)


def upgrade(portal: Portal, sources: dict[str, str], *, allow_loss: bool = False) -> Schema:
    """Apply other files, as ``portal schema apply`` does; what holds then."""
    schema = compile_sources(sources)
    apply(portal.engines, schema, by="test", allow_loss=allow_loss, clock=portal.clock)
    portal.door.refresh()
    return compiled_revision(portal.engines)[0]


def keeper(schema: Schema) -> Role:
    """The role that is changed."""
    return schema.roles["keeper"]


def agreed(portal: Portal, entity: str, **cells: Any) -> None:
    """A wider right, with the second person's word, applied."""
    answer = change(portal.browser("boss"), "keeper", entity, **cells)
    assert "/requests/" in answer.headers["Location"], answer.headers["Location"]
    number = int(answer.headers["Location"].rsplit("/", 1)[1])
    assert decide(portal.browser("second"), number) == 302
    assert apply_now(portal)


def test_unmasking_waits_for_a_second_person(portal: Portal) -> None:
    before = portal.browser("west").get(f"/gardener/show/{portal.ids['wang']}").text
    assert "13800138000" not in before
    answer = change(portal.browser("boss"), "keeper", "gardener", field_mobile="clear")
    assert "/requests/" in answer.headers["Location"]
    assert not apply_now(portal)
    assert (
        "13800138000" not in portal.browser("west").get(f"/gardener/show/{portal.ids['wang']}").text
    )
    number = int(answer.headers["Location"].rsplit("/", 1)[1])
    assert decide(portal.browser("second"), number) == 302
    assert apply_now(portal)
    assert "13800138000" in portal.browser("west").get(f"/gardener/show/{portal.ids['wang']}").text


def test_a_field_that_is_dropped_and_made_again_inherits_no_right(portal: Portal) -> None:
    agreed(
        portal,
        "gardener",
        field_phone="clear",
        right_edit="some",
        names_edit=["name", "email", "phone"],
    )
    assert "phone" in (
        keeper(compiled_revision(portal.engines)[0]).may["gardener"].edit_fields or ()
    )
    sources = files(portal)
    without = {**sources, "gardener.yaml": sources["gardener.yaml"].replace(OLD_PHONE, "")}
    # The inspector's file speaks of the phone as well.
    without["role_inspector.yaml"] = sources["role_inspector.yaml"].replace(
        "hide: [phone, ", "hide: ["
    )
    upgrade(portal, without, allow_loss=True)
    again = upgrade(portal, sources, allow_loss=True)
    rights = keeper(again).may["gardener"]
    assert "phone" not in (rights.edit_fields or ())
    assert rights.edit_fields is not None
    assert "phone" not in (rights.show or ())


def test_a_name_that_comes_back_through_the_command_brings_neither_right_nor_value(
    portal: Portal,
) -> None:
    """The folder on the server is changed and applied by hand, twice."""
    with portal.records() as records:
        wang = portal.ids["wang"]
        version = records.get("gardener", wang, ("version",)).values["version"]
        records.change("gardener", wang, {"phone": "010-61112222"}, version)
    agreed(portal, "gardener", field_phone="clear", right_edit="some", names_edit=["name", "phone"])
    folder = Path(portal.settings.schema)
    before = {
        one: (folder / one).read_text("utf-8") for one in ("gardener.yaml", "role_inspector.yaml")
    }
    without = {
        "gardener.yaml": before["gardener.yaml"].replace(OLD_PHONE, ""),
        "role_inspector.yaml": before["role_inspector.yaml"].replace("hide: [phone, ", "hide: ["),
    }
    for files_ in (without, before):
        for one, text in files_.items():
            (folder / one).write_text(text, "utf-8")
        command(portal, "schema", "apply", "--allow-loss")
    portal.door.refresh()
    rights = keeper(compiled_revision(portal.engines)[0]).may["gardener"]
    assert rights.edit_fields is not None
    assert "phone" not in rights.edit_fields
    assert "phone" not in (rights.show or ())
    assert portal.scalar("SELECT phone FROM gardener WHERE id = :id", id=wang) is None
    answer = portal.api("west").call("GET", f"gardener/{wang}")
    assert answer.status_code == 200
    assert "61112222" not in answer.text


def test_a_renamed_field_keeps_what_was_agreed(portal: Portal) -> None:
    agreed(portal, "gardener", field_phone="clear")
    sources = files(portal)
    renamed = OLD_PHONE.replace("phone: {type: phone", "line: {was: phone, type: phone")
    changed = {**sources, "gardener.yaml": sources["gardener.yaml"].replace(OLD_PHONE, renamed)}
    changed["role_inspector.yaml"] = sources["role_inspector.yaml"].replace(
        "hide: [phone, ", "hide: [line, "
    )
    after = upgrade(portal, changed)
    assert "line" in (keeper(after).may["gardener"].show or ())
    # It goes by its new name from now on, so that it can be changed again.
    assert portal.scalar("SELECT key FROM portal_overlay") == "field:line"
    again = upgrade(
        portal, {**changed, "gardener.yaml": changed["gardener.yaml"].replace("was: phone, ", "")}
    )
    assert "line" in (keeper(again).may["gardener"].show or ())


def test_a_new_field_under_the_name_that_another_gave_up_inherits_nothing(portal: Portal) -> None:
    """In one upgrade the field gets another name, and its old name a new field."""
    agreed(portal, "gardener", field_phone="clear")
    sources = files(portal)
    both = OLD_PHONE.replace("phone: {type: phone", "line: {was: phone, type: phone") + OLD_PHONE
    changed = {**sources, "gardener.yaml": sources["gardener.yaml"].replace(OLD_PHONE, both)}
    after = upgrade(portal, changed)
    shown = keeper(after).may["gardener"].show or ()
    assert "line" in shown
    assert "phone" not in shown


def test_an_upgrade_is_merged_and_what_both_changed_is_left_to_somebody(portal: Portal) -> None:
    boss = portal.browser("boss")
    assert change(boss, "keeper", "task", right_delete="no").status_code == 302
    assert change(boss, "keeper", "weather", right_read="no").status_code == 302
    apply_now(portal)
    sources = files(portal)
    role = sources["role_keeper.yaml"]
    # The files change another right, and the same one.
    kept = upgrade(
        portal,
        {
            **sources,
            "role_keeper.yaml": role.replace("bed: {read: true}", "bed: {read: true, print: true}"),
        },
    )
    assert "delete" not in keeper(kept).may["task"].rights
    assert "print" in keeper(kept).may["bed"].rights
    both = role.replace(
        "task: {read: true, create: true, edit: true, delete: true,",
        "task: {read: true, create: true, edit: true, delete: request,",
    )
    after = upgrade(portal, {**sources, "role_keeper.yaml": both})
    assert "delete" in keeper(after).may["task"].by_request
    assert "weather" not in keeper(after).may or not keeper(after).may["weather"].rights
    told = conflicts(portal.engines, compile_sources(base_sources(after.sources)))
    assert [one.change.cell.key for one in told] == ["delete"]
    boss = portal.browser("boss")
    page = boss.get("/rights/?_l_=en").text
    assert "the schema holds until you decide" in page
    number = portal.scalar("SELECT id FROM portal_overlay WHERE conflict IS NOT NULL")
    assert boss.post(f"/rights/changes/{number}", {"ours": "yes", "reason": "x"}).status_code == 302
    apply_now(portal)
    decided = keeper(compiled_revision(portal.engines)[0]).may["task"]
    assert "delete" not in decided.rights | decided.by_request
    assert (
        "the schema holds until you decide"
        not in portal.browser("boss").get("/rights/?_l_=en").text
    )


def test_a_role_that_goes_and_comes_back_inherits_no_right(portal: Portal) -> None:
    """The clerk's file goes and comes back; and the files bring a role of a name that was made in the browser."""
    answer = change(portal.browser("boss"), "clerk", "buyer", right_import="yes")
    assert answer.status_code == 302
    boss = portal.browser("boss")
    boss.get("/rights/clerk/copy")
    assert (
        boss.post(
            "/rights/clerk/copy", {"name": "weekend", "zh": "周末", "en": "Weekend"}
        ).status_code
        == 302
    )
    assert apply_now(portal)
    assert "import" in compiled_revision(portal.engines)[0].roles["clerk"].may["buyer"].rights
    sources = files(portal)
    upgrade(portal, {name: text for name, text in sources.items() if name != "role_clerk.yaml"})
    again = upgrade(portal, sources)
    assert "import" not in again.roles["clerk"].may["buyer"].rights
    weekend = "role: weekend\nlabel: {zh: 周末班, en: Shift}\nmay: {bed: {read: true}}\n"
    own = upgrade(portal, {**sources, "role_weekend.yaml": weekend})
    assert list(own.roles["weekend"].may) == ["bed"]
    told = conflicts(portal.engines, compile_sources(base_sources(own.sources)))
    assert {one.change.cell.role for one in told} == {"clerk", "weekend"}


def test_a_removed_role_stays_removed(portal: Portal) -> None:
    boss = portal.browser("boss")
    boss.get("/rights/clerk")
    assert boss.post("/rights/clerk/remove").status_code == 302
    for _ in range(2):
        apply_now(portal)
        assert "clerk" not in compiled_revision(portal.engines)[0].roles
        sources = files(portal)
        role = sources["role_helper.yaml"].replace(
            "bed: {read: true}", "bed: {read: true, print: true}"
        )
        assert "clerk" not in upgrade(portal, {**sources, "role_helper.yaml": role}).roles
    boss = portal.browser("boss")
    boss.get("/rights/")
    number = portal.scalar("SELECT id FROM portal_overlay WHERE key = 'role'")
    assert boss.post(f"/rights/changes/{number}", {"ours": "no"}).status_code == 302
    apply_now(portal)
    assert "clerk" in compiled_revision(portal.engines)[0].roles
