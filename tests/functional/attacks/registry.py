"""A nursery with somebody who administers accounts and roles, and may do little else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.nursery import planted
from tests.support.portals import SCHEMAS, Portal, running_portal
from tests.support.servers import Servers

REGISTRAR = """
role: registrar
label: {zh: 账号管理员, en: Registrar}
administers: [accounts, roles]
may:
  bed: {read: true}
  account: {read: true}
  plant: {read: true, print: true}
  role_assignment: {read: true, create: true, edit: true, delete: true}
"""


@contextmanager
def registry(servers: Servers, home: Path, folder: Path, **settings_: str) -> Iterator[Portal]:
    """The nursery with a registrar, a second owner, and a friend of the registrar's who holds nothing."""
    for source in (SCHEMAS / "nursery").glob("*.yaml"):
        (folder / source.name).write_text(source.read_text("utf-8"), "utf-8")
    (folder / "role_registrar.yaml").write_text(REGISTRAR, "utf-8")
    with running_portal(servers, folder, home, **settings_) as portal:
        planted(portal)
        portal.ids["registrar"] = portal.account("registrar", "registrar", None)
        portal.ids["second"] = portal.account("second", "owner", None)
        portal.ids["friend"] = portal.bare_account("friend")
        portal.ids["peeper"] = portal.account("peeper", "inspector", portal.ids["west"])
        yield portal
