"""The page of the audit trail: how it stands, a search, entries in sentences, and evidence to take along."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from flask import redirect, render_template, request, send_file
from flask_appbuilder import BaseView, expose

from app.audit.actions import AuditAction
from app.audit.bundles import make_bundle
from app.audit.chain import Entry, append
from app.audit.checkpoints import make_checkpoint
from app.audit.keys import has_key
from app.features.trail import rules, service
from app.features.trail.service import Search
from app.features.trail.telling import Teller, TrailLine
from app.kernel.errors import NotFound, PortalError, Refused
from app.kernel.messages import Label, Message, _l
from app.storage.audit_tables import AUDIT_ENTRY
from app.storage.database import unit_of_work
from app.web.addresses import SEALED, whole
from app.web.contexts import Crumb, MenuEntry, MenuGroup
from app.web.form_contexts import Option
from app.web.locale import datetime_text, number_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in

ADDRESS, EVIDENCE, REPORTS = "/trail/", "/trail/evidence", "/trail/reports/"
# What tells of persons, and so stands in no address, access log or history.
PRIVATE = ("account", "record", "words")
PAGE = 50
LONGEST_WORDS = 80
MOST_TAKEN = 2000


@dataclass(frozen=True, slots=True)
class Standing:
    """How the trail stands, in words: ``tone`` colours the verification."""

    size: str
    checkpoint: str
    checkpoint_at: str
    verified: str
    tone: str


@dataclass(frozen=True, slots=True)
class TrailContext:
    """``trail/page.html``; ``hidden`` repeats the search for the form that takes evidence along."""

    title: str
    standing: Standing
    search: Search
    accounts: tuple[Option, ...]
    entities: tuple[Option, ...]
    deeds: tuple[Option, ...]
    record: str
    lines: tuple[TrailLine, ...]
    hidden: tuple[tuple[str, str], ...]
    evidence_url: str
    reports_url: str
    older_url: str
    problem: str
    breadcrumbs: tuple[Crumb, ...]


class TrailView(BaseView):
    """The audit trail, for those who look after it."""

    route_base = "/trail"
    default_view = "page"

    @expose("/")
    @signed_in
    def page(self) -> Any:
        """Search and read; that somebody did is an entry itself."""
        here = _allowed()
        return _page(here, _asked(here, request.args))

    @expose("/", methods=["POST"])
    @signed_in
    def search(self) -> Any:
        """What the form sends comes back in an address that tells nothing of persons."""
        here = _allowed()
        return redirect(address_of(here, _asked(here, request.form)), 303)

    @expose("/evidence", methods=["POST"])
    @signed_in
    def evidence(self) -> Any:
        """The entries that were searched for, as a zip that outsiders can verify."""
        here = _allowed()
        asked = _asked(here, request.form)
        try:
            content = _evidence(here, asked)
        except PortalError as fault:
            return _page(here, asked, say(fault.message, here.language)), fault.status
        day = here.state.runtime.moment().today
        return send_file(
            content, "application/zip", as_attachment=True, download_name=f"evidence_{day}.zip"
        )


def address_of(here: Scope, asked: Search, **more: int) -> str:
    """The address of a search: whom it is about and what was typed stand in it sealed."""
    named = dict(_pairs(asked))
    typed = {name: named.pop(name) for name in PRIVATE if name in named}
    sealed = {SEALED: here.sealer.seal(typed)} if typed else {}
    query = urlencode({**named, **sealed, **more})
    return f"{ADDRESS}?{query}" if query else ADDRESS


def register(portal: Portal) -> None:
    """Add the pages and the menu entry."""
    portal.add_pages(TrailView)
    portal.add_menu(_menu)


# Private


def _allowed() -> Scope:
    here = scope()
    if not service.may_read(here.actor):
        raise NotFound
    return here


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not service.may_read(here.actor):
        return None
    active = path.startswith(ADDRESS)
    entry = MenuEntry(say(_l("Audit trail"), here.language), ADDRESS, "shield-check", active)
    return MenuGroup(say(_l("Administration"), here.language), "settings", (entry,), active)


def _asked(here: Scope, given: Mapping[str, str]) -> Search:
    """The search of an address or a form; what cannot be read is not asked for.

    Raises Refused for a sealed one that is not the reader's, or too old.
    """
    if given.get(SEALED):
        given = {**here.sealer.open(given[SEALED]), **given}
    return Search(
        account=given.get("account", "")[:80],
        entity=given.get("entity", "")[:63],
        record=whole(given.get("record")),
        action=given.get("deed", "")[:40],
        since=_day(given.get("since", "")),
        until=_day(given.get("until", "")),
        words=given.get("words", "").strip()[:LONGEST_WORDS],
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _page(here: Scope, asked: Search, problem: str = "") -> str:
    before, zone = whole(request.args.get("before")), here.state.runtime.zone
    found = service.find(here.session, asked, zone, before=before, limit=PAGE + 1)
    lines = Teller(here, found[:PAGE]).lines()
    if asked.words:
        lines = tuple(line for line in lines if _says(line, asked.words))
    title, pairs = say(_l("Audit trail"), here.language), _pairs(asked)
    older = address_of(here, asked, before=found[PAGE - 1]["id"]) if len(found) > PAGE else ""
    page = TrailContext(
        title=title,
        standing=_standing(here),
        search=asked,
        accounts=tuple(Option(name, name, name == asked.account) for name in service.known_accounts(here.session)),
        entities=tuple(_entities(here, asked.entity)),
        deeds=tuple(_deeds(here, asked.action)),
        record=str(asked.record or ""),
        lines=lines,
        hidden=tuple(pairs),
        evidence_url=EVIDENCE if lines else "",
        reports_url=REPORTS,
        older_url=older,
        problem=problem,
        breadcrumbs=(Crumb(title),),
    )  # fmt: skip
    _note(here, AuditAction.TRAIL_READ, asked)
    return render_template("trail/page.html", page=page)


def _says(line: TrailLine, words: str) -> bool:
    """Whether the words stand in what the reader sees, so that nobody searches what is hidden from him."""
    told = [
        line.who,
        line.what,
        *(text for c in line.changes for text in (c.label, c.before, c.after)),
    ]
    return any(words.casefold() in text.casefold() for text in told)


def _pairs(asked: Search) -> list[tuple[str, str]]:
    named = {"action": "deed"}
    return [(named.get(name, name), str(value)) for name, value in asked.asked.items()]


def _entities(here: Scope, chosen: str) -> Iterator[Option]:
    for entity in here.schema.entities.values():
        if not entity.external_table:
            yield Option(entity.name, entity.label.text(here.language), entity.name == chosen)


def _deeds(here: Scope, chosen: str) -> Iterator[Option]:
    for deed in rules.DEEDS:
        yield Option(deed, rules.sentence(deed, "", here.language), deed == chosen)


def _standing(here: Scope) -> Standing:
    found, zone = service.standing(here.session), here.state.runtime.zone
    checkpoint, last = found.checkpoint, found.verified
    faults = int(last.get("faults", 0))
    if found.verified_at is None:
        verified: Message | Label = _l("not verified yet")
    elif faults:
        verified = _l("%(when)s: %(faults)s faults; run: portal audit verify",
                      when=datetime_text(found.verified_at, zone), faults=faults)  # fmt: skip
    else:
        verified = _l("%(when)s: %(count)s entries, no fault", when=datetime_text(found.verified_at, zone),
                      count=number_text(int(last.get("size", 0))))  # fmt: skip
    return Standing(
        size=number_text(found.size),
        checkpoint=checkpoint.short if checkpoint else "–",
        checkpoint_at=datetime_text(checkpoint.at, zone) if checkpoint else "",
        verified=say(verified, here.language),
        tone="danger" if faults else "success" if found.verified_at else "neutral",
    )


def _evidence(here: Scope, asked: Search) -> io.BytesIO:
    """Raises NotFound, Refused; values that the reader may not see in clear stay behind."""
    settings, runtime = here.state.settings, here.state.runtime
    found = service.find(here.session, asked, runtime.zone, before=None, limit=MOST_TAKEN + 1)
    if len(found) > MOST_TAKEN:
        raise Refused(_l("A bundle holds %(count)s entries at most.", count=MOST_TAKEN))
    if has_key(settings.home):
        engine = here.session.get_bind().engine
        make_checkpoint(engine, settings.home, runtime.clock.now(), here.actor.username)
    teller = Teller(here, found)
    seen = {line.seq for line in teller.lines() if not asked.words or _says(line, asked.words)}
    open_ = {entry["id"] for entry in found if teller.open(entry)}
    wanted = AUDIT_ENTRY.c.id.in_(sorted(seen))
    made = make_bundle(here.session.connection(), wanted, lambda row: row.id in open_)
    content = io.BytesIO()
    made.write(content)
    content.seek(0)
    _note(here, AuditAction.EVIDENCE_TAKEN, asked, entries=made.count)
    return content


def _note(here: Scope, action: AuditAction, asked: Search, **facts: Any) -> None:
    entry = Entry(
        at=here.state.runtime.clock.now(),
        account_id=here.actor.account_id,
        account_name=here.actor.username,
        action=action,
        revision=here.state.runtime.revision,
        changes=asked.asked,
        address=request.remote_addr,
        facts=facts,
    )
    with unit_of_work(here.session):
        append(here.session, entry)
