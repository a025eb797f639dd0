"""The rule book as pages, to read, to print and to begin changes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request
from flask_appbuilder import BaseView, expose
from sqlalchemy import select

from app.features.accounts.forms import small_form
from app.features.rights import book, editing, role_changes, rules, service, showing
from app.features.rights.book import BookCell, BookLine
from app.features.rights.edit_pages import administered, saved
from app.kernel.errors import NotFound, PortalError, StaleRevision
from app.kernel.messages import Label, Message, _l
from app.language.definitions import Role
from app.language.findings import SchemaInvalid
from app.storage.database import unit_of_work
from app.storage.overlays import counters
from app.storage.tables import REVISION
from app.web.contexts import Crumb
from app.web.form_contexts import FormField
from app.web.locale import datetime_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.views import signed_in

ADDRESS = "/rights/"


@dataclass(frozen=True, slots=True)
class Shown:
    """A right in a cell."""

    head: str
    kind: str
    text: str
    names: str


@dataclass(frozen=True, slots=True)
class Line:
    """An entity in the book of a role."""

    label: str
    cells: tuple[Shown, ...]
    rows: str
    condition: str
    fields: tuple[tuple[str, str, str], ...]
    url: str
    edit_url: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A role: what it is, and its lines by module."""

    name: str
    label: str
    help: str
    facts: tuple[tuple[str, str], ...]
    heads: tuple[str, ...]
    shelves: tuple[tuple[str, tuple[Line, ...]], ...]
    nothing: str


@dataclass(frozen=True, slots=True)
class BookContext:
    """``rights/book.html``"""

    title: str
    edition: str
    waiting: bool
    chapters: tuple[Chapter, ...]
    whole: bool
    copy_url: str
    remove_url: str
    add: tuple[tuple[str, str], ...]
    breadcrumbs: tuple[Crumb, ...]


class RoleBookView(BaseView):
    """What roles may do, as chapters of a book."""

    route_base = "/rights"
    default_view = "book"

    @expose("/book")
    @signed_in
    def book(self) -> Any:
        """All roles one after the other, to be printed."""
        here = _reader()
        chapters = tuple(_chapter(here, role) for role in here.schema.roles.values())
        title = say(_l("Rule book"), here.language)
        return render_template("rights/book.html", page=_page(here, title, chapters, None))

    @expose("/<role>")
    @signed_in
    def role(self, role: str) -> Any:
        """One role."""
        here = _reader()
        held = here.schema.roles.get(role)
        if held is None:
            raise NotFound
        title = held.label.text(here.language)
        return render_template(
            "rights/book.html", page=_page(here, title, (_chapter(here, held),), held)
        )

    @expose("/<role>/copy", methods=["GET", "POST"])
    @signed_in
    def copy(self, role: str) -> Any:
        """A new role that says the same."""
        here, form = administered(), request.form
        if role not in here.schema.roles:
            raise NotFound
        error: PortalError | None = None
        if request.method == "POST":
            require_step_up(f"{ADDRESS}{role}/copy")
            name, zh, en = (form.get(one, "").strip() for one in ("name", "zh", "en"))
            try:
                with unit_of_work(here.session):
                    new, left = role_changes.copied(here.records, role, name, Label(zh, en))
                    editing.keep(here.records, new, editing.signed_by(here.records))
            except StaleRevision:
                raise
            except PortalError as refused:
                error = refused
            else:
                return _copied(here, left)
        label = here.schema.roles[role].label.text(here.language)
        title = _l("Copy the role %(role)s", role=label)
        return small_form(
            here, _copy_fields(here), (f"{ADDRESS}{role}", f"{ADDRESS}{role}/copy"), title, error
        )

    @expose("/<role>/remove", methods=["POST"])
    @signed_in
    def remove(self, role: str) -> Any:
        """Remove a role that nobody holds."""
        here = administered()
        require_step_up(f"{ADDRESS}{role}")
        try:
            with unit_of_work(here.session):
                gone = role_changes.removed(here.records, role)
                editing.keep(here.records, gone, editing.signed_by(here.records))
        except SchemaInvalid as invalid:
            flash(" ".join(one.text(here.language) for one in invalid.findings[:5]), "danger")
            return redirect(f"{ADDRESS}{role}")
        flash(say(_l("Removed. It is gone everywhere within seconds."), here.language), "success")
        return redirect(ADDRESS)

    @expose("/changes/<int:number>", methods=["POST"])
    @signed_in
    def decide(self, number: int) -> Any:
        """Keep a change that an upgrade set aside, or go back to what the files say."""
        here = administered()
        require_step_up(ADDRESS)
        with unit_of_work(here.session):
            ours = request.form.get("ours") == "yes"
            proposal = role_changes.undone(here.records, number, ours=ours)
            if proposal is None:
                role_changes.forget(here.records, number)
            else:
                return saved(here, proposal, ADDRESS)
        flash(say(_l("The schema holds."), here.language), "success")
        return redirect(ADDRESS)


def register(portal: Portal) -> None:
    """Add the pages."""
    portal.add_pages(RoleBookView)


def edition(here: Scope) -> str:
    """Which version of the rules it is, and since when."""
    number = here.state.runtime.revision
    since = here.session.scalar(select(REVISION.c.applied_at).where(REVISION.c.number == number))
    when = datetime_text(since, here.state.runtime.zone) if since is not None else ""
    text = _l("Version %(number)s of %(when)s", number=number, when=when)
    return say(text, here.language)


def waits(here: Scope) -> bool:
    """Whether a change is kept that is not yet applied."""
    wanted, done = counters(here.session)
    return wanted != done


# Private


def _reader() -> Scope:
    here = scope()
    if not service.may_administer(here.actor):
        raise NotFound
    return here


def _page(here: Scope, title: str, chapters: tuple[Chapter, ...], role: Role | None) -> BookContext:
    rights = Crumb(say(_l("Rights"), here.language), ADDRESS)
    edits = role is not None and editing.may_administer(here.actor)
    own = role is not None and any(role.name == one.name for one in here.actor.roles)
    base = f"{ADDRESS}{role.name}" if role is not None else ""
    absent = book.absent(here.schema, role) if role is not None and edits and not own else []
    return BookContext(
        title=title,
        edition=edition(here),
        waiting=waits(here),
        chapters=chapters,
        whole=role is None,
        copy_url=f"{base}/copy" if edits else "",
        remove_url=f"{base}/remove" if edits and not own else "",
        add=tuple((one.label.text(here.language), f"{base}/{one.name}/edit") for one in absent),
        breadcrumbs=(rights, Crumb(title)),
    )


def _chapter(here: Scope, role: Role) -> Chapter:
    own = any(role.name == one.name for one in here.actor.roles)
    edits = editing.may_administer(here.actor) and not own
    shelves = tuple(
        (module.text(here.language), tuple(_line(here, role, one, edits=edits) for one in found))
        for module, found in book.lines(here.schema, role)
    )
    comma = "、" if here.language == "zh" else ", "
    absent = [one.label.text(here.language) for one in book.absent(here.schema, role)]
    nothing = say(_l("No right on: %(names)s.", names=comma.join(absent)), here.language)
    return Chapter(
        role.name,
        role.label.text(here.language),
        role.help.text(here.language) if role.help else "",
        tuple(_facts(here, role)),
        tuple(book.HEADS[one].text(here.language) for one in book.COLUMNS),
        shelves,
        nothing if absent else "",
    )


def _facts(here: Scope, role: Role) -> Iterator[tuple[str, str]]:
    comma = "、" if here.language == "zh" else ", "
    decides = [
        say(words, here.language)
        for kind, words in rules.DECIDED.items()
        if role.approves.get(kind, ()) != ()
    ]
    if decides:
        yield say(_l("Decides requests for"), here.language), comma.join(decides)
    if role.administers:
        parts = [say(rules.PARTS[one], here.language) for one in sorted(role.administers)]
        yield say(_l("Administers"), here.language), comma.join(parts)
    if role.second_factor:
        yield say(_l("Second factor"), here.language), say(_l("Required"), here.language)


def _line(here: Scope, role: Role, line: BookLine, *, edits: bool) -> Line:
    base = f"{ADDRESS}{role.name}/{line.entity.name}"
    fields = [
        (showing.WORDS[level].text(here.language), level, names.text(here.language))
        for level, names in line.fields
    ]
    rights = role.may.get(line.entity.name)
    if rights is not None and rights.hide_when is not None:
        head, hidden = Label("按条件隐藏", "hidden while"), showing.hidden_text(rights, line.entity)
        fields.append((head.text(here.language), "hidden", hidden.text(here.language)))
    return Line(
        line.entity.label.text(here.language),
        tuple(_shown(here, cell) for cell in line.cells),
        say(line.reach, here.language),
        line.condition,
        tuple(fields),
        base,
        f"{base}/edit" if edits else "",
    )


def _shown(here: Scope, cell: BookCell) -> Shown:
    texts: dict[str, Message | str] = {
        "yes": _l("Yes"), "no": "–", "ask": _l("asks"), "some": _l("%(count)s of them", count=cell.count),
    }  # fmt: skip
    names = cell.names.text(here.language) if cell.names is not None else ""
    return Shown(
        cell.head.text(here.language), cell.kind, say(texts[cell.kind], here.language), names
    )


def _copied(here: Scope, left: list[Label]) -> Any:
    flash(say(_l("The role is made. It is there within seconds."), here.language), "success")
    if left:
        comma = "、" if here.language == "zh" else ", "
        names = comma.join(one.text(here.language) for one in left)
        text = _l("Left out, as you do not have it yourself: %(names)s.", names=names)
        flash(say(text, here.language), "warning")
    return redirect(ADDRESS)


def _copy_fields(here: Scope) -> tuple[FormField, ...]:
    def text(name: str, label: Message, help_: Message | str = "") -> FormField:
        value = request.form.get(name, "")
        said = say(label, here.language)
        return FormField(name, said, "text", value, say(help_, here.language), required=True)

    advice = _l("For files and programs, such as weekend_manager; it stays as it is.")
    return (
        text("name", _l("Name"), advice),
        text("zh", _l("Chinese label")),
        text("en", _l("English label")),
    )
