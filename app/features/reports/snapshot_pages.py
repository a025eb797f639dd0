"""The pages of kept snapshots: keeping one, those made for the reader, and their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, send_file
from flask_appbuilder import BaseView, expose

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.reports import snapshots
from app.features.reports.pages import given, refuse_taking
from app.features.reports.service import open_report
from app.features.reports.snapshots import FORMATS, KEEP_SNAPSHOT, PAGE, Snapshot
from app.kernel.errors import NotFound
from app.kernel.messages import Label, _l
from app.storage.database import unit_of_work
from app.tasks import outbox
from app.tasks.outbox import NewTask, enqueue
from app.web.addresses import whole
from app.web.contexts import Crumb, MenuEntry, MenuGroup
from app.web.locale import datetime_text, number_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.views import signed_in

ADDRESS = "/reports/snapshots"
SHORT = 12
UNITS = ("B", "KB", "MB", "GB")


@dataclass(frozen=True, slots=True)
class SnapshotLine:
    """A snapshot in the list; ``digest`` is its beginning, shown before the whole of it.

    Without ``file_url`` it was fetched, as a file with records is once.
    """

    id: int
    title: str
    asked: str
    made_at: str
    kept_until: str
    format: str
    name: str
    lines: str
    size: str
    digest: str
    whole_digest: str
    scheduled: bool
    file_url: str
    delete_url: str


@dataclass(frozen=True, slots=True)
class SnapshotsContext:
    """``reports/snapshots.html`` and, for what moves in it, ``reports/snapshot_rows.html``

    ``coming`` are the titles of those that are being made.
    """

    title: str
    lines: tuple[SnapshotLine, ...]
    coming: tuple[str, ...]
    refresh_url: str
    older_url: str
    breadcrumbs: tuple[Crumb, ...]


class SnapshotsView(BaseView):
    """Kept snapshots of reports."""

    route_base = "/reports"
    default_view = "own"

    @expose("/snapshots")
    @signed_in
    def own(self) -> Any:
        """The snapshots made for the reader."""
        page = _page(scope())
        part = "snapshot_rows" if request.headers.get("HX-Request") else "snapshots"
        return render_template(f"reports/{part}.html", page=page)

    @expose("/snapshots/<int:number>")
    @signed_in
    def one(self, number: int) -> Any:
        """One of them: where a notice leads."""
        here = scope()
        found = snapshots.snapshot(here.session, here.actor.account_id, number)
        crumbs = (*_crumbs(here), Crumb(found.label.text(here.language)))
        title = found.label.text(here.language)
        page = SnapshotsContext(title, tuple(_lines(here, [found])), (), "", "", crumbs)
        return render_template("reports/snapshots.html", page=page)

    @expose("/snapshots/<int:number>/file")
    @signed_in
    def file(self, number: int) -> Any:
        """Its file, while the reader may still have it and it is what was kept."""
        here = scope()
        found = snapshots.snapshot(here.session, here.actor.account_id, number)
        require_step_up(f"{ADDRESS}/{number}")
        with unit_of_work(here.session):
            stream = snapshots.take(
                here.records, here.state.settings, found, request.remote_addr
            )  # fmt: skip
        return send_file(stream, found.media, as_attachment=True, download_name=found.name)

    @expose("/snapshots/<int:number>/delete", methods=["POST"])
    @signed_in
    def delete(self, number: int) -> Any:
        """Forget a snapshot of the reader's own."""
        here = scope()
        with unit_of_work(here.session):
            found = snapshots.snapshot(here.session, here.actor.account_id, number)
            snapshots.remove(here.session, found)
            _note_removal(here, found)
        flash(say(_l("The snapshot was deleted."), here.language), "success")
        return redirect(ADDRESS)

    @expose("/<name>/keep", methods=["POST"])
    @signed_in
    def keep(self, name: str) -> Any:
        """Keep the report as it is now; made in the background."""
        here, kind = scope(), request.form.get("format", "")
        if kind not in FORMATS:
            raise NotFound
        run = open_report(here.records, name, given())
        refused = run.may_take(kind)
        if refused is not None:
            refuse_taking(here, run, refused)
        label = run.report.label
        title = Label(f"保存快照：{label.zh}", f"Keep a snapshot: {label.en}")
        arguments = {"report": run.report.name, "format": kind, "asked": dict(run.asked.texts)}
        new = NewTask(
            KEEP_SNAPSHOT.name, title, arguments, here.actor.account_id, here.language
        )  # fmt: skip
        with unit_of_work(here.session):
            enqueue(here.session, here.state.runtime, new)
        said = _l("The snapshot is being made; it will be here in a moment.")
        flash(say(said, here.language), "success")
        return redirect(ADDRESS)


def register(portal: Portal) -> None:
    """Add the pages and the menu entry."""
    portal.add_pages(SnapshotsView)
    portal.add_menu(_menu)


# Private


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not here.actor.grants:
        return None
    active = path.startswith(ADDRESS)
    entry = MenuEntry(say(_l("Snapshots"), here.language), ADDRESS, "camera", active)
    return MenuGroup(say(_l("Reports"), here.language), "chart-bar", (entry,), active)


def _crumbs(here: Scope) -> tuple[Crumb, ...]:
    return (
        Crumb(say(_l("Reports"), here.language), "/reports/"),
        Crumb(say(_l("Snapshots"), here.language), ADDRESS),
    )


def _page(here: Scope) -> SnapshotsContext:
    account, before = here.actor.account_id, whole(request.args.get("before"))
    found = snapshots.snapshots(here.session, account_id=account, before=before, limit=PAGE + 1)
    tasks = outbox.tasks(here.session, account_id=account, states=outbox.OPEN)
    coming = tuple(one.title.text(here.language) for one in tasks if one.kind == KEEP_SNAPSHOT.name)
    shown = found[:PAGE]
    return SnapshotsContext(
        title=say(_l("Snapshots"), here.language),
        lines=tuple(_lines(here, shown)),
        coming=coming if before is None else (),
        refresh_url=ADDRESS if coming and before is None else "",
        older_url=f"{ADDRESS}?before={shown[-1].id}" if len(found) > PAGE else "",
        breadcrumbs=_crumbs(here),
    )


def _lines(here: Scope, found: Sequence[Snapshot]) -> Iterator[SnapshotLine]:
    free = snapshots.fetchable(here.session, found, here.state.runtime.clock.now())
    for one in found:
        yield _line(here, one, fetchable=one.id in free)


def _line(here: Scope, one: Snapshot, *, fetchable: bool) -> SnapshotLine:
    language, zone = here.language, here.state.runtime.zone
    base, colon = f"{ADDRESS}/{one.id}", "：" if language == "zh" else ": "
    asked = [f"{label.text(language)}{colon}{text}" for label, text in one.said]
    return SnapshotLine(
        id=one.id,
        title=one.label.text(language),
        asked=("；" if language == "zh" else "; ").join(asked),
        made_at=datetime_text(one.made_at, zone),
        kept_until=one.kept_until.astimezone(zone).date().isoformat(),
        format=one.format.upper() if one.format != "xlsx" else "Excel",
        name=one.name,
        lines=number_text(one.lines),
        size=_size(one.size),
        digest=one.sha256[:SHORT],
        whole_digest=one.sha256,
        scheduled=one.schedule_id is not None,
        file_url=f"{base}/file" if fetchable else "",
        delete_url=f"{base}/delete",
    )


def _size(count: int) -> str:
    """A size as people say it."""
    amount, unit = float(count), 0
    while amount >= 1024 and unit < len(UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f} {UNITS[unit]}" if unit else f"{count} B"


def _note_removal(here: Scope, found: Snapshot) -> None:
    append(
        here.session,
        Entry(
            here.state.runtime.clock.now(),
            here.actor.account_id,
            here.actor.username,
            AuditAction.SNAPSHOT_REMOVED,
            here.state.runtime.revision,
            record_title=found.label.zh,
            changes={"snapshot": found.id, "report": found.report, "sha256": found.sha256},
            address=request.remote_addr,
        ),
    )
