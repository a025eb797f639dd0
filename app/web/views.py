"""The generated pages of an entity, as a Flask-AppBuilder view over the records door."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import urlencode

from flask import Response, flash, jsonify, redirect, render_template, request
from flask_appbuilder import ModelView, expose
from werkzeug.wrappers import Response as AnyResponse

from app.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PortalError,
    ToBeDecided,
)
from app.kernel.messages import _l
from app.language.definitions import Entity, Rights
from app.records.accounts import ROLE_ASSIGNMENT
from app.records.gateway import Records
from app.records.queries import Row
from app.storage.database import unit_of_work
from app.web.addresses import read_asked, texts_of, whole
from app.web.bulk import in_bulk, is_there, say_failures
from app.web.form_contexts import FormContext
from app.web.form_page import FormPage
from app.web.form_reading import Submission
from app.web.former_forms import HEADING
from app.web.held import held, together
from app.web.history_page import history_context
from app.web.kept_forms import keep_sent
from app.web.list_page import ListPage
from app.web.locale import say
from app.web.lookups import Filling, found_rows, look_up
from app.web.once import once
from app.web.record_interface import RecordInterface
from app.web.saved_views import followed, forget_view, keep_view, say_left_out
from app.web.show_page import ShowPage
from app.web.state import scope
from app.web.step_page import NO_STEP, PASSED_ON, refuse, say_warnings, take_step
from app.web.step_up import require_step_up
from app.web.uploads import claim_files, take_files

Page = Callable[..., Any]
MAX_BULK = 100
FARTHEST_PAGE = 10**8
LIST_PART = "record-list"


def signed_in(page: Page) -> Page:
    """Only signed-in accounts; others go to the sign-in page."""

    @functools.wraps(page)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        if scope().known is None:
            return to_sign_in()
        return page(*arguments, **named)

    return wrapped


def to_sign_in() -> AnyResponse:
    """To the sign-in page and back here afterwards, or to what was sent; parts of pages ask for a whole reload."""
    sent = request.method != "GET"
    target = keep_sent(scope()) if sent else request.full_path.rstrip("?")
    address = "/login/" + (f"?{urlencode({'next': target})}" if target and target != "/" else "")
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": address})
    return redirect(address)


class RecordView(ModelView):
    """The pages of one entity; ``entity`` is set on each generated subclass."""

    entity: ClassVar[Entity]
    datamodel: ClassVar[RecordInterface]
    route_base = ""
    related_views = ()
    # Only what is written here has an address: the inherited pages know nothing of rights on rows.
    include_route_methods = {
        "list", "show", "related", "history", "lookup", "add", "edit", "conditions", "delete",
        "move", "bulk", "save_view", "delete_view",
    }  # fmt: skip
    base_permissions = [f"can_{right}" for right in Rights]

    def _init_forms(self) -> None:
        """Forms are made for each reader when they are asked for."""

    def _init_properties(self) -> None:
        """Columns depend on the reader, so nothing is kept on the view."""

    def _init_titles(self) -> None:
        """Titles depend on the language."""

    # Reading

    @expose("/list/", methods=["GET", "POST"])
    @signed_in
    def list(self) -> Any:
        """The list page, or just its table for htmx; what a form sends comes back in a sealed address."""
        here, sent = scope(), request.method == "POST"
        arguments, left_out = followed(
            here, self.entity, texts_of(request.form) if sent else request.args
        )
        asked = read_asked(arguments, self.entity, here.sealer)
        if left_out:
            say_left_out(here, left_out)
        part = request.headers.get("HX-Request") and request.headers.get("HX-Target") == LIST_PART
        address = asked.url(f"/{self.entity.name}/list/")
        if sent and not part:
            return redirect(address, 303)
        page = ListPage(here, self.entity, asked).context()
        drawn = render_template("records/table.html" if part else "records/list.html", page=page)
        return (drawn, {"HX-Push-Url": address}) if sent else drawn

    @expose("/show/<int:pk>")
    @signed_in
    def show(self, pk: int) -> Any:
        """The page of a record."""
        tab, page = request.args.get("tab", ""), request.args.get("page", "1")
        return render_template(
            "records/show.html", page=ShowPage(scope(), self.entity, pk).context(tab, _page(page))
        )

    @expose("/related/<int:pk>/<key>")
    @signed_in
    def related(self, pk: int, key: str) -> Any:
        """One list of records that point to this one."""
        try:
            found = ShowPage(scope(), self.entity, pk).related_list(
                key, _page(request.args.get("page", "1"))
            )
        except KeyError as error:
            raise NotFound from error
        return render_template("records/related.html", page=found)

    @expose("/history/<int:pk>")
    @signed_in
    def history(self, pk: int) -> Any:
        """What was done to a record."""
        before = whole(request.args.get("before"))
        found = history_context(scope(), self.entity, pk, before)
        return render_template("records/history.html", page=found)

    @expose("/lookup/<field>", methods=["GET", "POST"])
    @signed_in
    def lookup(self, field: str) -> Any:
        """Records that a link field may point to, as one types."""
        typed, number = request.values.get("q", ""), whole(request.args.get("id"))
        filling = Filling(request.form, number) if request.method == "POST" else None
        return found_rows(scope(), look_up(scope(), self.entity, field, typed, filling))

    # Writing

    @expose("/add", methods=["GET", "POST"])
    @signed_in
    def add(self) -> Any:
        """The form of a new record."""
        self._allowed(Rights.CREATE)
        self._proved("add")
        form = FormPage(scope(), self.entity, None)
        if request.method == "GET":
            return _form(form.context(given=self._given(form)))
        return self._submitted(form, None)

    @expose("/edit/<int:pk>", methods=["GET", "POST"])
    @signed_in
    def edit(self, pk: int) -> Any:
        """The form of an existing record."""
        self._allowed(Rights.EDIT)
        self._proved(f"edit/{pk}")
        form = FormPage(scope(), self.entity, pk)
        if request.method == "GET":
            return _form(form.context())
        return self._submitted(form, form.row())

    @expose("/conditions", methods=["POST"])
    @signed_in
    def conditions(self) -> Any:
        """What the form hides, requires and locks with what is typed so far."""
        number = whole(request.args.get("id"))
        self._allowed(Rights.CREATE if number is None else Rights.EDIT)
        return jsonify(FormPage(scope(), self.entity, number).conditions(request.form))

    @expose("/delete/<int:pk>", methods=["POST"])
    @signed_in
    def delete(self, pk: int) -> Any:
        """Delete a record."""
        here = scope()
        try:
            with unit_of_work(here.session):
                here.records.remove(self.entity.name, pk, whole(request.form.get("version")))
        except ToBeDecided as fault:
            return redirect(held(here, fault))
        flash(say(_l("Deleted."), here.language), "success")
        return redirect(f"/{self.entity.name}/list/")

    @expose("/move/<int:pk>/<name>", methods=["POST"])
    @signed_in
    def move(self, pk: int, name: str) -> Any:
        """Take a step with a record."""
        return take_step(scope(), self.entity, pk, name)

    @expose("/bulk", methods=["POST"])
    @signed_in
    def bulk(self) -> Any:
        """One thing with several records; each succeeds or fails for itself."""
        here, action = scope(), request.form.get("action", "")
        ids = [
            number
            for text in request.form.getlist("ids")
            for part in text.split(",")
            if (number := whole(part)) is not None
        ][:MAX_BULK]
        if not is_there(self.entity, action):
            flash(say(NO_STEP, here.language), "danger")
            ids = []
        outcome = in_bulk(here, self.entity, action, ids)
        done, failures, asked = outcome.done, outcome.failures, outcome.asked
        if done:
            flash(say(_l("Records done: %(count)s.", count=done), here.language), "success")
        say_failures(here, self.entity, failures[:5])
        if len(failures) > 5:
            flash(
                say(
                    _l("… and %(count)s more could not be done.", count=len(failures) - 5),
                    here.language,
                ),
                "danger",
            )
        if asked:
            return redirect(held(here, together(asked)))
        back = request.form.get("back", "")
        return redirect(
            f"/{self.entity.name}/list/"
            + (f"?{back}" if back and re.fullmatch(r"[\w=&%.+\-~,]*", back) else "")
        )

    @expose("/views", methods=["POST"])
    @signed_in
    def save_view(self) -> Any:
        """Keep the filters in force under a name, for this account."""
        here = scope()
        query = keep_view(
            here, self.entity, request.form.get("name", ""), request.form.get("query", "")
        )
        if query is None:
            flash(say(_l("Give the view a name."), here.language), "danger")
        else:
            flash(say(_l("The view is saved."), here.language), "success")
        return redirect(f"/{self.entity.name}/list/" + (f"?{query}" if query else ""))

    @expose("/views/<int:number>/delete", methods=["POST"])
    @signed_in
    def delete_view(self, number: int) -> Any:
        """Forget one's own saved view."""
        forget_view(scope(), number)
        return redirect(f"/{self.entity.name}/list/")

    # Private

    def _allowed(self, right: Rights) -> None:
        here = scope()
        if not here.access.entity(self.entity.name).allows(Rights.READ):
            raise NotFound
        decision = here.access.decide(self.entity.name, right)
        if not decision.allowed:
            raise Forbidden(decision.reason)

    def _proved(self, page: str) -> None:
        """Whoever gives a role has proved who he is just now; asked for before the form, so nothing typed is lost."""
        if self.entity.name == ROLE_ASSIGNMENT:
            require_step_up(f"/{ROLE_ASSIGNMENT}/{page}")

    def _given(self, form: FormPage) -> dict[str, Any]:
        """Values that the address of the form brings, such as the record it was opened from."""
        given: dict[str, Any] = {}
        for name in form.editable(None):
            number = whole(request.args.get(name))
            if self.entity.fields[name].type == "link" and number is not None:
                given[name] = number
        return given

    def _submitted(self, form: FormPage, row: Row | None) -> Any:
        here, name = scope(), self.entity.name
        posted = form.posted(request.form, request.files, row)
        sent = form.taken(posted, row)
        if sent.lost:
            return _form(form.context(sent=sent, notes=(HEADING, *sent.lost)), Conflict.status)
        error: Invalid | Conflict | None = None
        try:
            with unit_of_work(here.session):
                before = row.values if row else {}
                files = take_files(
                    here, self.entity, form.editable(row), posted.form, posted.files, before
                )
                values = {**sent.values, **files}
                if sent.problems:
                    others = _other_problems(here.records, self.entity, row, values, sent)
                    refuse({**sent.problems, **others})
                if row is None:
                    pk = once(here, lambda: here.records.create(name, values))
                else:
                    pk = row.id
                    here.records.change(name, pk, values, sent.version)
                claim_files(here, self.entity, pk, files)
                say_warnings(here)
        except (Invalid, Conflict) as refused:
            error = refused
        except ToBeDecided as fault:
            return redirect(held(here, fault))
        except PortalError as refused:
            if isinstance(refused, PASSED_ON):
                raise
            error = Invalid({"": (refused.message,)})
        if error is None:
            flash(say(_l("Saved."), here.language), "success")
            return redirect(f"/{name}/show/{pk}")
        return _form(form.context(sent=sent, error=error), error.status)


# Private


def _form(page: FormContext, status: int = 200) -> Any:
    return render_template("records/form.html", page=page), status


def _page(text: str) -> int:
    number = whole(text) or 1
    return number if number < FARTHEST_PAGE else 1


def _other_problems(
    records: Records, entity: Entity, row: Row | None, values: dict[str, Any], sent: Submission
) -> dict[str, Any]:
    """What else is wrong when some texts could not be read, so that all is said at once."""
    unread = {path.split(".")[0] for path in sent.problems}
    # A table of too many rows is not even tried.
    values = {name: value for name, value in values.items() if name not in sent.problems}
    try:
        if row is None:
            records.create(entity.name, values)
        else:
            records.change(entity.name, row.id, values, sent.version)
    except Invalid as invalid:
        return {
            path: texts
            for path, texts in invalid.problems.items()
            if path.split(".")[0] not in unread
        }
    except PASSED_ON:
        raise
    except PortalError:
        return {}
    return {}
