"""The look-back at one account, over 30, 60 and 90 days, and the same sealed as evidence for outsiders."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from flask import render_template, send_file
from flask_appbuilder import BaseView, expose
from sqlalchemy import func, select, text

from app.audit.actions import AuditAction
from app.audit.bundles import make_bundle
from app.audit.chain import Entry, append
from app.audit.checkpoints import make_checkpoint
from app.audit.keys import has_key
from app.features.reminders.people import account_names
from app.features.trail.pages import address_of
from app.features.trail.service import Search
from app.features.viewing.looking_back import Looked, Period, deeds_since, looked_at
from app.features.viewing.pages import (
    ADDRESS,
    PERIODS,
    LookedLine,
    account_url,
    looked_line,
    watched_entities,
)
from app.features.viewing.service import may_look_back
from app.kernel.errors import NotFound
from app.kernel.messages import _l
from app.records.queries import Row
from app.storage.audit_tables import AUDIT_ENTRY
from app.storage.database import unit_of_work
from app.web.contexts import Crumb, PageLink
from app.web.locale import say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in

# What these entries tell are numbers of records, kinds of values and digests, and nothing of persons.
ENCLOSED = (AuditAction.RECORDS_SHOWN, AuditAction.VIEWING_STOPPED, AuditAction.VALUES_READ, AuditAction.SEARCHED,
            AuditAction.CANARY_SEEN, AuditAction.VIEWING_READ)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AccountContext:
    """``viewing/account.html``: one block of periods for each kind of records."""

    title: str
    blocks: tuple[tuple[str, tuple[LookedLine, ...]], ...]
    trail_url: str
    evidence_url: str
    breadcrumbs: tuple[Crumb, ...]


class AccountLookBackView(BaseView):
    """What one account looked at, searched and took along."""

    route_base = "/viewing/account"
    default_view = "page"

    @expose("/<int:number>")
    @signed_in
    def page(self, number: int) -> Any:
        """The figures, which stand sealed in the trail with who asked for them."""
        here = _allowed()
        name = _name(here, number)
        found = list(_figures(here, number))
        _note(here, number, found)
        return render_template("viewing/account.html", page=_page(here, number, name, found))

    @expose("/<int:number>/evidence", methods=["POST"])
    @signed_in
    def evidence(self, number: int) -> Any:
        """The figures and every entry that they are counted from, as a zip that outsiders can verify."""
        here = _allowed()
        name = _name(here, number)
        _note(here, number, list(_figures(here, number)))
        content = _bundle(here, number, name)
        day = here.state.runtime.moment().today
        return send_file(
            content, "application/zip", as_attachment=True, download_name=f"look_back_{day}.zip"
        )


def register(portal: Portal) -> None:
    """Add the page, and the way to it from the page of a person."""
    portal.add_pages(AccountLookBackView)
    portal.add_links(_links)


# Private


def _allowed() -> Scope:
    here = scope()
    if not may_look_back(here.actor):
        raise NotFound
    return here


def _name(here: Scope, number: int) -> str:
    """What the account is called; raises NotFound when there is none."""
    name = account_names(here.session, [number]).get(number)
    if name is None:
        raise NotFound
    return name


def _figures(here: Scope, number: int) -> Iterator[tuple[str, int, Looked]]:
    runtime = here.state.runtime
    for entity in watched_entities(here):
        for days in PERIODS:
            period = Period(entity.name, days, runtime.moment().today, number)
            found = looked_at(here.session, runtime, period)
            yield entity.name, days, found[0] if found else Looked(number)


def _note(here: Scope, number: int, found: list[tuple[str, int, Looked]]) -> None:
    """Seal what was told, and to whom."""
    runtime = here.state.runtime
    figures = {f"{name} {days}": asdict(one) for name, days, one in found}
    entry = Entry(
        at=runtime.clock.now(), account_id=here.actor.account_id, account_name=here.actor.username,
        action=AuditAction.VIEWING_READ, revision=runtime.revision, entity="account", record_id=number,
        changes={"figures": [None, figures]},
    )  # fmt: skip
    with unit_of_work(here.session):
        append(here.session, entry)


def _bundle(here: Scope, number: int, name: str) -> io.BytesIO:
    """Raises Refused when there are too many entries."""
    runtime, home = here.state.runtime, here.state.settings.home
    if has_key(home):
        engine = here.session.get_bind().engine
        make_checkpoint(engine, home, runtime.clock.now(), here.actor.username)
    columns = AUDIT_ENTRY.c
    told = (columns.action == AuditAction.VIEWING_READ) & (columns.entity == "account")
    last = select(func.max(columns.id)).where(told, columns.record_id == number).scalar_subquery()
    since = runtime.moment().today - timedelta(days=PERIODS[-1] - 1)
    wanted = deeds_since(number, since, runtime) | (columns.id == last)
    made = make_bundle(here.session.connection(), wanted, lambda row: row.action in ENCLOSED)
    content = io.BytesIO()
    made.write(content)
    content.seek(0)
    entry = Entry(
        at=runtime.clock.now(), account_id=here.actor.account_id, account_name=here.actor.username,
        action=AuditAction.EVIDENCE_TAKEN, revision=runtime.revision, record_title=name,
        facts={"entries": made.count, "account": number},
    )  # fmt: skip
    with unit_of_work(here.session):
        append(here.session, entry)
    return content


def _page(
    here: Scope, number: int, name: str, found: list[tuple[str, int, Looked]]
) -> AccountContext:
    language = here.language
    blocks = []
    for entity in watched_entities(here):
        lines = tuple(
            looked_line(say(_l("%(days)s days", days=days), language), "", one)
            for told, days, one in found
            if told == entity.name
        )
        blocks.append((entity.label.text(language), lines))
    title = say(_l("Look-back: %(name)s", name=name), language)
    username = here.session.scalar(
        text("SELECT username FROM ab_user WHERE id = :id"), {"id": number}
    )
    above = Crumb(say(_l("Look-back"), language), ADDRESS)
    return AccountContext(title, tuple(blocks), address_of(here, Search(account=str(username))),
                          f"{account_url(number)}/evidence", (above, Crumb(title)))  # fmt: skip


def _links(here: Scope, row: Row) -> Iterator[PageLink]:
    portal = here.schema.portal
    if row.entity != portal.person_entity or portal.person_account is None:
        return
    if not may_look_back(here.actor):
        return
    account = row.values.get(portal.person_account)
    if isinstance(account, int):
        yield PageLink(say(_l("Look-back"), here.language), account_url(account), "eye")
