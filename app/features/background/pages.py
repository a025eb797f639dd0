"""The pages of background work: everybody's own, and all of it for the administrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, send_file
from flask_appbuilder import BaseView, expose

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.background.service import result_file
from app.kernel.errors import NotFound
from app.kernel.messages import Message, _l
from app.storage.database import unit_of_work
from app.storage.files import FileStore
from app.tasks import outbox
from app.tasks.outbox import Task
from app.web.contexts import Crumb, MenuEntry, MenuGroup
from app.web.locale import datetime_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.views import signed_in

ADDRESS, ALL = "/tasks/", "/tasks/all"
PAGE = 50
STATES: dict[str, tuple[Message, str]] = {
    "ready": (_l("Waiting"), "neutral"),
    "running": (_l("Running"), "primary"),
    "done": (_l("Done"), "success"),
    "failed": (_l("Failed"), "danger"),
    "cancelled": (_l("Cancelled"), "neutral"),
    "refused": (_l("Refused"), "warning"),
}


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task in the list; an empty address stands for a button that is not there."""

    id: int
    title: str
    state: str
    tone: str
    asked_at: str
    percent: int | None
    moving: bool
    progress: str
    problem: str
    detail: str
    file_url: str
    cancel_url: str
    retry_url: str


@dataclass(frozen=True, slots=True)
class TasksContext:
    """``background/tasks.html`` and, for what moves in it, ``background/rows.html``"""

    title: str
    lines: tuple[TaskLine, ...]
    refresh_url: str
    older_url: str
    breadcrumbs: tuple[Crumb, ...]


class TasksView(BaseView):
    """Background tasks."""

    route_base = "/tasks"
    default_view = "own"

    @expose("/")
    @signed_in
    def own(self) -> Any:
        """What the reader asked for."""
        here = scope()
        return _page(here, _l("My tasks"), ADDRESS, here.actor.account_id)

    @expose("/all")
    @signed_in
    def all(self) -> Any:
        """Everybody's tasks, for administrators."""
        here = scope()
        if not _administers(here):
            raise NotFound
        return _page(here, _l("Background tasks"), ALL, None)

    @expose("/<int:number>/file")
    @signed_in
    def file(self, number: int) -> Any:
        """The file that a task of the reader's own has made."""
        here = scope()
        found = outbox.task(here.session, number, account_id=here.actor.account_id)
        made = result_file(here.session, found)
        require_step_up(ADDRESS)
        stream = FileStore(here.state.settings.files_url).open(made.digest)
        return send_file(stream, made.media, as_attachment=True, download_name=made.name)

    @expose("/<int:number>/cancel", methods=["POST"])
    @signed_in
    def cancel(self, number: int) -> Any:
        """Stop a task."""
        return _steer(number, AuditAction.TASK_CANCELLED)

    @expose("/<int:number>/retry", methods=["POST"])
    @signed_in
    def retry(self, number: int) -> Any:
        """Let a task begin anew."""
        return _steer(number, AuditAction.TASK_RETRIED)


def register(portal: Portal) -> None:
    """Add the pages, the menu entry and the link in the account menu."""
    portal.add_pages(TasksView)
    portal.add_menu(_menu)
    portal.add_account_link(_l("My tasks"), ADDRESS)


# Private


def _administers(here: Scope) -> bool:
    return here.actor.administers("schema")


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not _administers(here):
        return None
    active = path.startswith(ALL)
    entry = MenuEntry(say(_l("Background tasks"), here.language), ALL, "hourglass", active)
    return MenuGroup(say(_l("Administration"), here.language), "settings", (entry,), active)


def _page(here: Scope, title: Message, address: str, account_id: int | None) -> Any:
    before = request.args.get("before", type=int)
    found = outbox.tasks(here.session, account_id=account_id, before=before, limit=PAGE + 1)
    shown = found[:PAGE]
    moving = any(one.open for one in shown) and before is None
    said = say(title, here.language)
    page = TasksContext(
        title=said,
        lines=tuple(_line(here, one) for one in shown),
        refresh_url=address if moving else "",
        older_url=f"{address}?before={shown[-1].id}" if len(found) > PAGE else "",
        breadcrumbs=(Crumb(said),),
    )
    part = "rows" if request.headers.get("HX-Request") else "tasks"
    return render_template(f"background/{part}.html", page=page)


def _line(here: Scope, one: Task) -> TaskLine:
    state, tone = STATES[one.state]
    own = one.account_id == here.actor.account_id
    epoch = here.sitting.epoch if here.sitting else None
    count = f"{one.done:,} / {one.total:,}" if one.total else f"{one.done:,}" if one.done else ""
    base = f"{ADDRESS}{one.id}"
    again = one.state in ("failed", "cancelled")
    return TaskLine(
        id=one.id,
        title=one.title.text(here.language),
        state=say(state, here.language),
        tone=tone,
        asked_at=datetime_text(one.created_at, here.state.runtime.zone),
        percent=one.percent,
        moving=one.state == "running",
        progress=count,
        problem=say(one.problem, here.language) if one.problem else "",
        detail=(one.detail or "") if _administers(here) else "",
        file_url=f"{base}/file" if own and "file" in one.result and one.epoch == epoch else "",
        cancel_url=f"{base}/cancel" if one.open else "",
        retry_url=f"{base}/retry" if again else "",
    )


def _steer(number: int, action: AuditAction) -> Any:
    here = scope()
    own = None if _administers(here) else here.actor.account_id
    with unit_of_work(here.session):
        found = outbox.task(here.session, number, account_id=own)
        if action is AuditAction.TASK_CANCELLED:
            outbox.cancel(here.session, number)
            text = _l("The task “%(title)s” is being cancelled.", title=found.title)
        else:
            outbox.retry(here.session, number)
            text = _l("The task “%(title)s” begins anew.", title=found.title)
        append(
            here.session,
            Entry(
                here.state.runtime.clock.now(),
                here.actor.account_id,
                here.actor.name,
                action,
                here.state.runtime.revision,
                record_title=found.title.zh,
                changes={"task": number},
                address=request.remote_addr,
            ),
        )
    flash(say(text, here.language), "success")
    return redirect(ADDRESS if found.account_id == here.actor.account_id else ALL)
