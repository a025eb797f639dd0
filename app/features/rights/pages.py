"""The pages of rights: the rule book, a role with an entity, why somebody may, and what a role would change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from flask import render_template, request
from flask_appbuilder import BaseView, expose

from app.access.permissions import Visibility
from app.features.rights import editing, rules, service
from app.features.rights.book_pages import edition, waits
from app.features.rights.changed import ChangedCell, changed_cells
from app.features.rights.showing import hidden_text
from app.kernel.errors import NotFound
from app.kernel.messages import Label, Message, _l
from app.language.definitions import Entity, EntityRights, Role
from app.records.accounts import accounts
from app.records.queries import COUNT_CAP, MAX_PAGE, Query
from app.records.titles import title_of
from app.web.addresses import whole
from app.web.contexts import Crumb, MenuEntry, MenuGroup
from app.web.form_contexts import Option
from app.web.locale import number_text, say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in

ADDRESS, WHY, WHAT_IF = "/rights/", "/rights/why", "/rights/what-if"
TONES = {Visibility.CLEAR: "success", Visibility.MASKED: "warning", Visibility.HIDDEN: "neutral"}


@dataclass(frozen=True, slots=True)
class Box:
    """A role with an entity: its letters and the rows in words; empty without rights."""

    letters: str
    reach: str
    url: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """The entities of a module, each with a box for every role."""

    label: str
    rows: tuple[tuple[str, tuple[Box, ...]], ...]


@dataclass(frozen=True, slots=True)
class MatrixContext:
    """``rights/matrix.html``"""

    title: str
    edition: str
    waiting: bool
    changes: tuple[ChangedCell, ...]
    roles: tuple[tuple[str, str], ...]
    shelves: tuple[Shelf, ...]
    legend: tuple[tuple[str, str], ...]
    book_url: str
    why_url: str
    what_if_url: str
    breadcrumbs: tuple[Crumb, ...]


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field as a role meets it."""

    label: str
    seen: str
    tone: str
    creates: bool
    edits: bool
    asks: bool = False


@dataclass(frozen=True, slots=True)
class RuleContext:
    """``rights/rule.html``"""

    title: str
    rights: tuple[str, ...]
    decides: tuple[str, ...]
    moves: tuple[str, ...]
    reach: str
    condition: str
    hidden: str
    source: str
    fields: tuple[FieldLine, ...]
    edit_url: str
    breadcrumbs: tuple[Crumb, ...]


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """A right, whether it is there, and why."""

    label: str
    allowed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """An entity with the rows that are read now and then."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class AskContext:
    """``rights/why.html`` and ``rights/what_if.html``"""

    title: str
    url: str
    asked: bool
    accounts: tuple[Option, ...]
    entities: tuple[Option, ...] = ()
    roles: tuple[Option, ...] = ()
    places: tuple[Option, ...] = ()
    record: str = ""
    record_title: str = ""
    answers: tuple[AnswerLine, ...] = ()
    fields: tuple[FieldLine, ...] = ()
    changes: tuple[ChangeLine, ...] = ()
    breadcrumbs: tuple[Crumb, ...] = ()


class RightsView(BaseView):
    """Rights, for those who administer accounts."""

    route_base = "/rights"
    default_view = "matrix"

    @expose("/")
    @signed_in
    def matrix(self) -> Any:
        """The rule book on one page."""
        here = _administered()
        roles = tuple(here.schema.roles.values())
        title = say(_l("Rights"), here.language)
        page = MatrixContext(
            title,
            edition(here),
            waits(here),
            tuple(changed_cells(here)),
            tuple((role.label.text(here.language), f"{ADDRESS}{role.name}") for role in roles),
            tuple(_shelves(here, roles)),
            (
                *((letter.text(here.language), say(words, here.language)) for letter, words in rules.LETTERS.values()),
                ("?", say(_l("May only ask for it; a second person decides"), here.language)),
            ),
            f"{ADDRESS}book",
            WHY,
            WHAT_IF,
            (Crumb(title),),
        )  # fmt: skip
        return render_template("rights/matrix.html", page=page)

    @expose("/<role>/<entity>")
    @signed_in
    def rule(self, role: str, entity: str) -> Any:
        """One role with one entity."""
        here = _administered()
        held, known = here.schema.roles.get(role), here.schema.entities.get(entity)
        if held is None or known is None or entity not in held.may:
            raise NotFound
        return render_template("rights/rule.html", page=_rule(here, held, known))

    @expose("/why")
    @signed_in
    def why(self) -> Any:
        """Why an account may or may not do something with a record."""
        here = _administered()
        account, name = whole(request.args.get("account")), request.args.get("entity", "")
        record = whole(request.args.get("record"))
        page = _ask(here, _l("Why can somebody see this?"), WHY, account)
        page = page(entities=tuple(_entities(here, name)), record=request.args.get("record", ""))
        if account is None or record is None or name not in here.schema.entities:
            return render_template("rights/why.html", page=page)
        page = _explained(here, page, account, name, record)
        return render_template("rights/why.html", page=page)

    @expose("/what-if")
    @signed_in
    def what_if(self) -> Any:
        """What a further role would let an account read."""
        here = _administered()
        account, name = whole(request.args.get("account")), request.args.get("role", "")
        place = whole(request.args.get("place"))
        ask = _ask(here, _l("What would a role change?"), WHAT_IF, account)
        roles = tuple(
            Option(r.name, r.label.text(here.language), r.name == name)
            for r in here.schema.roles.values()
        )
        role, places = here.schema.roles.get(name), tuple(_places(here, place))
        if account is None or role is None:
            return render_template("rights/what_if.html", page=ask(roles=roles, places=places))
        runtime = here.state.runtime
        actor = service.account_actor(here.session, runtime, account)
        changes = tuple(
            ChangeLine(
                one.entity.label.text(here.language), _number(one.before), _number(one.after)
            )
            for one in service.what_if(here.session, runtime, actor, role, place)
        )
        page = ask(roles=roles, places=places, changes=changes, asked=True)
        return render_template("rights/what_if.html", page=page)


def register(portal: Portal) -> None:
    """Add the pages and the menu entry."""
    portal.add_pages(RightsView)
    portal.add_menu(_menu)


# Private


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not service.may_administer(here.actor):
        return None
    active = path.startswith(ADDRESS)
    entry = MenuEntry(say(_l("Rights"), here.language), ADDRESS, "table-options", active)
    return MenuGroup(say(_l("Administration"), here.language), "settings", (entry,), active)


def _administered() -> Scope:
    here = scope()
    if not service.may_administer(here.actor):
        raise NotFound
    return here


def _shelves(here: Scope, roles: tuple[Role, ...]) -> Iterator[Shelf]:
    for module in here.schema.portal.modules:
        rows = tuple(
            (
                here.schema.entities[name].label.text(here.language),
                tuple(_box(here, role, here.schema.entities[name]) for role in roles),
            )
            for name in module.entities
            if name in here.schema.entities
        )
        if rows:
            yield Shelf(module.label.text(here.language), rows)


def _box(here: Scope, role: Role, entity: Entity) -> Box:
    rights = role.may.get(entity.name)
    if rights is None:
        return Box("", "", "")
    letters = " ".join(
        rules.LETTERS[r][0].text(here.language) + ("?" if r in rights.by_request else "")
        for r in rules.ordered(rights.rights | rights.by_request)
    )
    kind = rules.reach(role, entity).kind
    short = {"all": Label("全部", "all"), "below": Label("所辖", "below")}
    reach = short.get(kind, Label("条件", "some"))
    return Box(letters, reach.text(here.language), f"{ADDRESS}{role.name}/{entity.name}")


def _rights(here: Scope, rights: EntityRights) -> Iterable[str]:
    for right in rules.ordered(rights.rights | rights.by_request):
        words = say(rules.LETTERS[right][1], here.language)
        asked = say(_l("(on request)"), here.language)
        yield f"{words} {asked}" if right in rights.by_request else words


def _decides(here: Scope, role: Role, entity: Entity) -> Iterable[str]:
    """The kinds of requests about such records that the role decides."""
    for kind, words in rules.DECIDED.items():
        if role.decides(kind, entity.name):
            yield say(words, here.language)


def _rule(here: Scope, role: Role, entity: Entity) -> RuleContext:
    rights, reach = role.may[entity.name], rules.reach(role, entity)
    moves = [move for move in (entity.states.moves if entity.states else ())
             if rights.moves is None or move.name in rights.moves]  # fmt: skip
    title = f"{role.label.text(here.language)} · {entity.label.text(here.language)}"
    return RuleContext(
        title,
        tuple(_rights(here, rights)),
        tuple(_decides(here, role, entity)),
        tuple(move.label.text(here.language) for move in moves),
        say(rules.reach_text(reach), here.language),
        reach.condition.text if reach.condition else "",
        hidden_text(rights, entity).text(here.language),
        f"{rights.place.file}:{rights.place.line}",
        tuple(
            FieldLine(f.label.text(here.language), say(rules.SEEN[f.seen], here.language),
                      TONES[f.seen], f.creates, f.edits, f.asks)
            for f in rules.fields_of(here.schema, role, entity)
        ),
        f"{ADDRESS}{role.name}/{entity.name}/edit" if editing.may_administer(here.actor) else "",
        (Crumb(say(_l("Rights"), here.language), ADDRESS), Crumb(title)),
    )  # fmt: skip


def _ask(here: Scope, title: Message, url: str, account: int | None) -> Any:
    """Makes the context of a page of questions."""
    said = say(title, here.language)
    known = tuple(
        Option(str(one.id), f"{one.name} ({one.username})", one.id == account)
        for one in accounts(here.session)
        if one.active
    )
    crumbs = (Crumb(say(_l("Rights"), here.language), ADDRESS), Crumb(said))

    def make(*, asked: bool = False, **more: Any) -> AskContext:
        return AskContext(said, url, asked, known, breadcrumbs=crumbs, **more)

    return make


def _explained(here: Scope, page: AskContext, account: int, name: str, record: int) -> AskContext:
    entity = here.schema.entities[name]
    # Raises NotFound for what the asker himself may not read.
    row = here.records.get(name, record, entity.title_fields)
    runtime = here.state.runtime
    actor = service.account_actor(here.session, runtime, account)
    found = service.explain(here.session, runtime, actor, name, record)
    labels = {field.name: field.label.text(here.language) for field in entity.fields.values()}
    return replace(
        page,
        asked=True,
        record_title=" ".join(str(value) for value in row.values.values() if isinstance(value, str)),
        answers=tuple(
            AnswerLine(say(rules.LETTERS[one.right][1], here.language), one.allowed,
                       tuple(say(reason, here.language) for reason in one.reasons))
            for one in found.answers
        ),
        fields=tuple(
            FieldLine(labels[field], say(rules.SEEN[seen], here.language), TONES[seen], False, False)
            for field, seen in found.fields
        ),
    )  # fmt: skip


def _entities(here: Scope, chosen: str) -> Iterator[Option]:
    for entity in here.schema.entities.values():
        if not entity.external_table:
            yield Option(entity.name, entity.label.text(here.language), entity.name == chosen)


def _places(here: Scope, chosen: int | None) -> Iterator[Option]:
    name = here.schema.portal.tree
    if name is None:
        return
    entity = here.schema.entities[name]
    asked = Query(name, entity.title_fields, sort="id", limit=MAX_PAGE, count=False)
    for row in here.records.find(asked).rows:
        title = title_of(entity, row.values, here.language)
        yield Option(str(row.id), title, row.id == chosen)


def _number(count: int) -> str:
    return f"{number_text(COUNT_CAP)}+" if count > COUNT_CAP else number_text(count)
