"""Roles are copied and removed in the browser, and the command line prints and drops what was changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy.engine import Engine

from app.cli.health.portal import look_at_roles, look_at_schema
from app.cli.main import main
from app.factory import compiled_revision
from app.language.compiler import compile_sources
from jobs.scheduler import Scheduler
from tests.functional.rights.changing import apply_now, change
from tests.support.nursery import planted
from tests.support.portals import SCHEMAS, Portal, running_portal
from tests.support.servers import Servers


@pytest.fixture
def portal(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    home = tmp_path_factory.mktemp("home")
    with running_portal(servers, SCHEMAS / "nursery", home) as made:
        planted(made)
        yield made


def call(portal: Portal, servers: Servers, *words: str) -> str:
    """What a command says."""

    def url(engine: Engine) -> str:
        return engine.url.render_as_string(hide_password=False)

    environment = {
        "PORTAL_HOME": str(portal.settings.home),
        "PORTAL_DATABASE_URL": url(portal.engines.app),
        "PORTAL_DATABASE_OWNER_URL": url(portal.engines.owner),
        "PORTAL_REDIS_URL": servers.redis_url,
        "PORTAL_LANGUAGE": "en",
    }
    done = CliRunner().invoke(main, [*words], env=environment)
    assert done.exit_code == 0, done.output
    return done.output


def copy(portal: Portal, source: str, name: str) -> int:
    """Copy a role; the status."""
    boss = portal.browser("boss")
    boss.get(f"/rights/{source}/copy")
    sent = {"name": name, "zh": "周末", "en": "Weekend"}
    return boss.post(f"/rights/{source}/copy", sent).status_code


def test_a_copy_says_the_same_and_can_be_given_and_removed(portal: Portal) -> None:
    assert copy(portal, "keeper", "weekend") == 302
    assert apply_now(portal)
    roles = compiled_revision(portal.engines)[0].roles
    old, new = roles["keeper"], roles["weekend"]
    assert {name: r.rights for name, r in old.may.items()} == {
        name: r.rights for name, r in new.may.items()
    }
    assert {name: r.by_request for name, r in old.may.items()} == {
        name: r.by_request for name, r in new.may.items()
    }
    for name, rights in old.may.items():
        other = new.may[name]
        assert sorted(rights.hide) == sorted(other.hide)
        assert set(rights.edit_fields or ()) == set(other.edit_fields or ())
    portal.account("sunday", "weekend", portal.ids["west"])
    sunday = portal.browser("sunday")
    assert sunday.get(f"/plant/show/{portal.ids['plant1']}").status_code == 200
    assert sunday.get(f"/plant/show/{portal.ids['far_plant']}").status_code == 404
    boss = portal.browser("boss")
    boss.get("/rights/weekend")
    # Somebody holds it.
    assert boss.post("/rights/weekend/remove").status_code == 409
    with portal.records() as records:
        number = portal.scalar("SELECT max(id) FROM role_assignment")
        records.remove("role_assignment", number, 1)
    assert boss.post("/rights/weekend/remove").status_code == 302
    assert apply_now(portal)
    assert "weekend" not in compiled_revision(portal.engines)[0].roles
    assert portal.scalar("SELECT count(*) FROM portal_overlay") == 0


def test_names_of_copies_are_looked_at(portal: Portal) -> None:
    for name in ("", "Weekend", "keeper", "wéek", "x" * 41):
        assert copy(portal, "keeper", name) == 422, name


def test_a_role_that_files_name_is_refused_with_the_reason(portal: Portal) -> None:
    """The report of measurements is for keepers: without them it would not fit."""
    with portal.records() as records:
        number = portal.scalar("SELECT max(id) FROM role_assignment WHERE role = 'keeper'")
        records.remove("role_assignment", number, 1)
    boss = portal.browser("boss")
    boss.get("/rights/keeper")
    assert boss.post("/rights/keeper/remove").status_code == 302
    assert "没有角色“keeper”" in boss.get("/rights/keeper").text
    assert portal.scalar("SELECT count(*) FROM portal_overlay") == 0


def doctor_says(portal: Portal) -> list[tuple[str, Any]]:
    """How the doctor finds the changes of roles, and the figures and names that it tells."""
    with portal.engines.app.connect() as connection:
        return [(one.grade.value, one.says.values) for one in look_at_roles(connection)]


def test_a_layer_that_does_not_fit_any_more_leaves_the_files_alone(portal: Portal) -> None:
    """What others wrote into the table is compiled like everything else, and set aside when it is wrong."""
    with portal.engines.owner.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO portal_overlay (role, entity, key, ids, old, new, wider, by, at, revision)"
            " VALUES ('keeper', 'plant', 'rows', '{\"\": \"1:plant\"}', 'null', '\"nonsense = 1\"', false, 1, now(), 1)"
        )
        connection.exec_driver_sql("INSERT INTO portal_counter (name, value) VALUES ('overlay', 1)")
    assert doctor_says(portal) == [("warning", {"count": 1})]
    assert apply_now(portal)
    assert doctor_says(portal) == [("warning", {"roles": "keeper"})]
    assert portal.door.revision == 1
    assert "does not fit" in portal.scalar("SELECT conflict->>'why' FROM portal_overlay")
    assert "does not fit the schema any more" in portal.browser("boss").get("/rights/?_l_=en").text


def test_the_command_line_prints_applies_and_drops(portal: Portal, servers: Servers) -> None:
    assert change(portal.browser("boss"), "keeper", "plant", right_delete="no").status_code == 302
    assert call(portal, servers, "roles", "apply") == "Applied.\n"
    looked = look_at_schema(portal.settings, portal.engines)
    assert [one.grade.value for one in looked] == ["ok"]
    assert call(portal, servers, "roles", "apply") == "Nothing to change.\n"
    said = call(portal, servers, "roles", "export")
    assert said == "---\noverlay: keeper\nmay:\n  plant:\n    delete: false\n"
    # Files that changed the same say so before and when they are applied.
    folder = portal.settings.home / "other"
    folder.mkdir()
    for name, text in portal.schema.sources.items():
        other = text.replace(
            "move: true, delete: true, export", "move: true, delete: request, export"
        )
        (folder / name).write_text(other, "utf-8")
    for word in ("plan", "apply"):
        said = call(portal, servers, "schema", word, str(folder))
        assert "# keeper · plant · delete: The schema was changed here as well" in said
    assert call(portal, servers, "roles", "reset", "--yes") == "Changes dropped: 1.\n"
    assert call(portal, servers, "roles", "export") == ""
    sealed = "SELECT count(*) FROM portal_audit_entry WHERE action = 'role:reset'"
    assert portal.scalar(sealed) == 1
    sources = compiled_revision(portal.engines)[0].sources
    assert compile_sources(sources).roles["keeper"].may["plant"].by_request >= {"delete"}


def test_the_scheduler_applies_by_itself_and_goes_on_when_it_cannot(
    portal: Portal, servers: Servers
) -> None:
    scheduler = Scheduler(replace(portal.settings, redis_url=servers.redis_url), portal.clock)
    assert change(portal.browser("boss"), "keeper", "plant", right_delete="no").status_code == 302
    scheduler.renew()
    assert compiled_revision(portal.engines)[1] == 2
    assert copy(portal, "keeper", "weekend") == 302
    scheduler.renew()
    portal.door.refresh()
    # Somebody was given the role behind the back of the pages, and then it went away.
    boss = portal.browser("boss")
    boss.get("/rights/weekend")
    assert boss.post("/rights/weekend/remove").status_code == 302
    with portal.engines.owner.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO role_assignment (account_id, role, valid_from) VALUES (1, 'weekend', current_date)"
        )
    scheduler.renew()
    assert "weekend" in compiled_revision(portal.engines)[0].roles
    assert scheduler._owner is not None
    scheduler._owner.dispose()
    scheduler._workshops.engine.dispose()
    scheduler._queue.connection.close()
