"""The pages of exports: asking for one, making its file, fetching it once."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from typing import IO, Any

from flask import redirect, render_template, request, send_file
from flask_appbuilder import BaseView, expose

from app.audit.actions import AuditAction
from app.features.exports import grants, rules
from app.features.exports.form import ExportForm, Problems, begin
from app.features.exports.formats import MEDIA
from app.features.exports.kind import ADDRESS, described
from app.features.exports.making import store
from app.features.exports.rules import Grant
from app.features.exports.subjects import may_take
from app.features.exports.trail import blocked, note
from app.features.requests.showing import facts_of
from app.kernel.errors import Forbidden, Gone, Invalid, NotFound, PortalError, StaleRevision
from app.kernel.messages import Message, _l
from app.language.definitions import Rights
from app.storage.database import unit_of_work
from app.storage.files import FileStore
from app.tasks import outbox
from app.web.addresses import read_asked
from app.web.contexts import Crumb
from app.web.locale import datetime_text, number_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.views import signed_in

STATES: dict[str, tuple[Message, str]] = {
    rules.READY: (_l("Ready to be made"), "primary"),
    rules.MAKING: (_l("Being made"), "warning"),
    rules.MADE: (_l("Ready to be fetched"), "success"),
    rules.TAKEN: (_l("Fetched"), "neutral"),
    rules.EXPIRED: (_l("Expired"), "neutral"),
}
IN_MEMORY = 4 * 2**20


@dataclass(frozen=True, slots=True)
class ExportContext:
    """``exports/one.html``; an empty address stands for a button that is not there."""

    title: str
    state: str
    tone: str
    facts: tuple[Any, ...]
    about: tuple[Any, ...]
    problem: str
    make_url: str
    asked: str
    file_url: str
    refresh_url: str
    breadcrumbs: tuple[Crumb, ...]


class ExportsView(BaseView):
    """Exports of lists."""

    route_base = ADDRESS
    default_view = "one"

    @expose("/new/<name>", methods=["GET", "POST"])
    @signed_in
    def new(self, name: str) -> Any:
        """Ask for an export, or begin it where one's own right is enough."""
        here, entity = scope(), scope().schema.entities.get(name)
        access = here.access.entity(name) if entity else None
        if entity is None or access is None or not access.allows(Rights.READ):
            raise NotFound
        if not access.allows(Rights.EXPORT) and not access.asks(Rights.EXPORT):
            _refuse(here, name, f"{request.method} {ADDRESS}/new/{name}")
        asked = read_asked(request.args, entity, here.sealer)
        form, problems = ExportForm(here, entity, asked), Problems()
        if request.method == "POST":
            try:
                return redirect(form.send())
            except StaleRevision:
                raise
            except Invalid as invalid:
                problems = dict(invalid.problems)
            except PortalError as refused:
                problems = {"": (refused.message,)}
        page = form.context(problems)
        return render_template("records/form.html", page=page), 422 if problems else 200

    @expose("/<int:number>")
    @signed_in
    def one(self, number: int) -> Any:
        """One export of the reader's own."""
        here = scope()
        found = grants.grant(here.session, number, here.actor.account_id)
        return render_template("exports/one.html", page=_page(here, found))

    @expose("/of/<int:number>")
    @signed_in
    def of_request(self, number: int) -> Any:
        """The export that a request led to."""
        found = grants.of_request(scope().session, number)
        if found is None:
            raise NotFound
        return redirect(f"{ADDRESS}/{found}")

    @expose("/<int:number>/make", methods=["POST"])
    @signed_in
    def make(self, number: int) -> Any:
        """Make the file, for just what was granted."""
        here = scope()
        found = grants.grant(here.session, number, here.actor.account_id)
        if (
            request.form.get("asked") != found.digest
            or rules.digest_of(found.asked) != found.digest
        ):
            _refuse(here, found.entity, f"export {number}: another question than was granted")
        with unit_of_work(here.session):
            begin(here, found)
        return redirect(f"{ADDRESS}/{number}")

    @expose("/<int:number>/file/<token>")
    @signed_in
    def file(self, number: int, token: str) -> Any:
        """The file, handed out once."""
        here = scope()
        looked_ahead = request.headers.get("Sec-Purpose", "").startswith("prefetch")
        if request.method != "GET" or looked_ahead:
            raise NotFound
        found = grants.grant(here.session, number, here.actor.account_id)
        settings = here.state.settings
        if not rules.same_token(settings.secret_key, found, token):
            raise NotFound
        require_step_up(f"{ADDRESS}/{number}")
        files, key = store(settings), found.storage_key or ""
        with unit_of_work(here.session):
            _refuse_lost_right(here, found)
            grants.take(here.session, found, here.state.runtime.clock.now())
            stream = _copy(files, key)
            more = {"rows": found.rows, "address": request.remote_addr}
            note(here.records, AuditAction.EXPORT_TAKEN, found, more)
        files.remove(key)
        media = MEDIA[str(found.asked["format"])]
        return send_file(stream, media, as_attachment=True, download_name=found.name)


def register(portal: Portal) -> None:
    """Add the pages."""
    portal.add_pages(ExportsView)


# Private


def _refuse(here: Scope, entity: str, what: str) -> None:
    """Write a try down, and refuse it."""
    with unit_of_work(here.session):
        blocked(here.records, entity, what)
    raise Forbidden(_l("You may look at this, but not export it. The try was written down."))


def _refuse_lost_right(here: Scope, found: Grant) -> None:
    if not may_take(here.access, found.asked, requested=found.request_id is not None):
        raise Forbidden(_l("You may no longer export this."))


def _copy(files: FileStore, key: str) -> IO[bytes]:
    try:
        source = files.open(key)
    except FileNotFoundError as lost:
        raise Gone(grants.USED_UP) from lost
    stream = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed when it has been sent
    with source:
        shutil.copyfileobj(source, stream)
    stream.seek(0)
    return stream


def _page(here: Scope, found: Grant) -> ExportContext:
    language, runtime = here.language, here.state.runtime
    now, zone = runtime.clock.now(), runtime.zone
    over = found.state in (rules.READY, rules.MAKING) and found.expires_at <= now
    task = outbox.task(here.session, found.task_id) if found.task_id else None
    failed = task is not None and not task.open and found.state == rules.MAKING
    state, tone = STATES[rules.EXPIRED if over else rules.READY if failed else found.state]
    fetched = found.state == rules.MADE and found.storage_key is not None
    token = rules.token_of(here.state.settings.secret_key, found) if fetched else ""
    facts: list[tuple[Message, str]] = [
        (_l("Number"), str(found.id)),
        (_l("Valid until"), datetime_text(found.expires_at, zone)),
    ]
    if found.request_id is not None:
        facts.append((_l("Request"), str(found.request_id)))
    if found.rows is not None:
        facts.append((_l("Rows"), number_text(found.rows)))
    entity = runtime.entity(found.entity)
    title = f"{say(_l('Export'), language)}: {entity.label.plural(language)}"
    problem = task.problem if task is not None and failed else None
    return ExportContext(
        title=title,
        state=say(state, language),
        tone=tone,
        facts=tuple((say(label, language), text) for label, text in facts),
        about=facts_of(here, list(described(here.records, found.asked, found.most_rows))),
        problem=say(problem, language) if problem else "",
        make_url=f"{ADDRESS}/{found.id}/make"
        if not over and (failed or found.state == rules.READY)
        else "",
        asked=found.digest,
        file_url=f"{ADDRESS}/{found.id}/file/{token}" if token else "",
        refresh_url=f"{ADDRESS}/{found.id}" if found.state == rules.MAKING and not failed else "",
        breadcrumbs=(Crumb(entity.label.plural(language), f"/{entity.name}/list/"), Crumb(title)),
    )
