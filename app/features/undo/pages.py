"""The page of what somebody did since a day, with the button that puts it back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose
from sqlalchemy import text

from app.access.identity import identity_of
from app.features.reminders.people import account_names
from app.features.undo import service
from app.features.undo.rules import Item, Verdict
from app.features.undo.wording import DEEDS, VERDICTS
from app.kernel.errors import Forbidden, NotFound
from app.kernel.messages import _l
from app.language.definitions import Decided
from app.records.titles import load_titles
from app.storage.database import unit_of_work
from app.web.addresses import whole
from app.web.contexts import Crumb, MenuEntry, MenuGroup, Option
from app.web.locale import datetime_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.views import signed_in

ADDRESS = "/undo/"
USUAL_DAYS = 30
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class ItemLine:
    """A record in the list; without an address it is gone or out of reach."""

    title: str
    kind: str
    url: str
    deeds: str
    at: str
    verdict: str
    tone: str


@dataclass(frozen=True, slots=True)
class UndoContext:
    """``undo/list.html``; ``apply_url`` is empty when there is nothing to put back."""

    title: str
    accounts: tuple[Option, ...]
    since: str
    account: str
    lines: tuple[ItemLine, ...]
    more: int
    can: int
    apply_url: str
    breadcrumbs: tuple[Crumb, ...]


class UndoView(BaseView):
    """What somebody did, and undoing it."""

    route_base = "/undo"
    default_view = "list"

    @expose("/")
    @signed_in
    def list(self) -> Any:
        """What an account did since a day."""
        here = scope()
        _refuse(here)
        account = whole(request.args.get("account"))
        since = _day(here, request.args.get("since", ""))
        return render_template("undo/list.html", page=_page(here, account, since))

    @expose("/apply", methods=["POST"])
    @signed_in
    def apply(self) -> Any:
        """Put back what nobody else has touched since."""
        here = scope()
        _refuse(here)
        require_step_up(ADDRESS)
        account, since = (
            whole(request.form.get("account")),
            _day(here, request.form.get("since", "")),
        )
        if account is None or account not in account_names(here.session, [account]):
            raise NotFound
        _refuse_oneself(here, account)
        moment = datetime.combine(since, time(), here.state.runtime.zone).astimezone(UTC)
        with unit_of_work(here.session):
            done = service.undo(here.session, here.state.runtime, here.actor, account, moment)
        said = _l("Put back: %(restored)s. Left as they are: %(left)s.",
                  restored=len(done.restored), left=len(done.left))  # fmt: skip
        flash(say(said, here.language), "success")
        return redirect(f"{ADDRESS}?account={account}&since={since}")


def register(portal: Portal) -> None:
    """Add the page and the menu entry."""
    portal.add_pages(UndoView)
    portal.add_menu(_menu)


# Private


def _may(here: Scope) -> bool:
    """Whether a role held over the whole tree decides changes of everything."""
    return any(
        grant.places is None and grant.role.approves.get(Decided.CHANGE, ()) is None
        for grant in here.actor.grants
    )


def _refuse(here: Scope) -> None:
    if not _may(here):
        raise NotFound


def _refuse_oneself(here: Scope, account: int) -> None:
    runtime = here.state.runtime
    mine, theirs = (
        identity_of(here.session, runtime.schema, runtime.models, one)
        for one in (here.actor.account_id or 0, account)
    )
    if mine & theirs:
        raise Forbidden(_l("Somebody else has to undo what you did yourself."))


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not _may(here):
        return None
    active = path.startswith(ADDRESS)
    entry = MenuEntry(say(_l("Undo"), here.language), ADDRESS, "history", active)
    return MenuGroup(say(_l("Requests"), here.language), "gavel", (entry,), active)


def _day(here: Scope, typed: str) -> date:
    today = here.state.runtime.moment().today
    try:
        return max(date.fromisoformat(typed), date(2000, 1, 1))
    except ValueError:
        return today - timedelta(days=USUAL_DAYS)


def _page(here: Scope, account: int | None, since: date) -> UndoContext:
    language, runtime = here.language, here.state.runtime
    moment = datetime.combine(since, time(), runtime.zone).astimezone(UTC)
    found = (
        service.deeds_since(here.session, runtime, account, moment) if account is not None else []
    )
    can = sum(item.verdict is Verdict.RESTORE for item in found)
    here.records  # noqa: B018 - opening the door binds the session to the reader
    shown = found[:MOST_SHOWN]
    keys = [(item.entity, item.record_id) for item in shown]
    titles = load_titles(here.session, runtime, keys, language)
    title = say(_l("Undo what somebody did"), language)
    return UndoContext(
        title=title,
        accounts=tuple(_accounts(here, account)),
        since=since.isoformat(),
        account=str(account or ""),
        lines=tuple(_line(here, item, titles) for item in shown),
        more=len(found) - len(shown),
        can=can,
        apply_url=f"{ADDRESS}apply" if can else "",
        breadcrumbs=(Crumb(title),),
    )


def _accounts(here: Scope, chosen: int | None) -> list[Option]:
    rows = here.session.execute(
        text("SELECT id, username FROM ab_user ORDER BY username LIMIT 2000")
    )
    usernames = {row.id: row.username for row in rows}
    names = account_names(here.session, usernames)
    return [
        Option(str(number), f"{names.get(number, '')} ({username})", number == chosen)
        for number, username in usernames.items()
    ]


def _line(here: Scope, item: Item, titles: dict[tuple[str, int], str]) -> ItemLine:
    language, entity = here.language, here.schema.entities[item.entity]
    known = titles.get((item.entity, item.record_id))
    counts = Counter(deed.deed for deed in item.deeds)
    comma = "、" if language == "zh" else ", "
    said, tone = VERDICTS[item.verdict]
    return ItemLine(
        title=known or f"#{item.record_id}",
        kind=entity.label.text(language),
        url=f"/{item.entity}/show/{item.record_id}" if known else "",
        deeds=comma.join(
            say(DEEDS[name], language) + (f" × {count}" if count > 1 else "")
            for name, count in counts.items()
        ),
        at=datetime_text(item.first.at, here.state.runtime.zone),
        verdict=say(said, language),
        tone=tone,
    )
