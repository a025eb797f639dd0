"""Reads an entity file: one kind of record with its fields, states, list, form."""

from __future__ import annotations

from types import MappingProxyType

from app.kernel.messages import Label
from app.language.aparts import read_aparts
from app.language.definitions import (
    STATE_FIELD,
    Check,
    Choice,
    Deletion,
    Entity,
    Field,
    ListLayout,
    Lock,
    Related,
    Section,
    States,
    Tab,
    View,
)
from app.language.expressions import Expression
from app.language.fields import TONES, read_field
from app.language.histories import read_histories
from app.language.portal_definitions import Subject
from app.language.reading import Keys, good_name, read_expression
from app.language.source import Node, Place, Scalar
from app.language.steps import Effect, EffectKind, Move
from app.language.viewing import Pace, Viewing

MAX_FIELDS = 500
MOST_VIEWED = 1_000_000
DEFAULT_SORT = "-id"


def read_entity(keys: Keys, *, system: bool = False) -> Entity | None:
    """The entity of a file; None when it has no usable name."""
    name = keys.text("entity", required=True)
    if not system and not good_name(name, keys.place_of("entity"), keys.findings, table=True):
        return None
    fields = _fields(keys)
    states = _states(keys)
    if states:
        label = keys.label("state_label") or Label("状态", "State")
        fields[STATE_FIELD] = Field(
            STATE_FIELD, "choice", label, keys.place_of("states"), required=True, index=True, readonly=True,
            choices=states.values,
        )  # fmt: skip
    scope = keys.text("scope", required=not system)
    entity = Entity(
        name=name,
        label=keys.needed_label(),
        place=keys.place,
        module="",
        icon=keys.text("icon", "table"),
        title=keys.text("title", required=True),
        scope=None if scope in ("none", "") else tuple(scope.split(".")),
        owner=keys.text("owner") or None,
        deletion=Deletion(keys.word("delete", tuple(Deletion), "soft")),
        in_menu=keys.flag("menu", default=True),
        system=system,
        was=keys.text("was") or None,
        help=keys.label("help"),
        fields=MappingProxyType(fields),
        unique=_groups(keys, "unique"),
        indexes=_groups(keys, "index"),
        checks=tuple(_checks(keys)),
        locks=tuple(_locks(keys)),
        states=states,
        list=_list(keys, fields),
        form=_form(keys, fields),
        related=tuple(_related(keys)),
        external_table=keys.text("external_table") or None if system else None,
        seen_when=keys.expression("seen_when") if system else None,
        viewing=_viewing(keys),
        subject=_subject(keys),
        effects=tuple(_effects(keys)),
        histories=read_histories(keys),
        aparts=read_aparts(keys),
        data_class=keys.text("class") or None,
    )
    keys.done()
    return entity


def read_pace(keys: Keys, usual: Pace | None) -> Pace:
    """So many in an hour and in a day; what is not said is as usual."""
    hour = keys.integer("hour", usual.hour if usual else 300, 1, MOST_VIEWED)
    day = keys.integer("day", usual.day if usual else 800, 1, MOST_VIEWED)
    return Pace(hour or 1, day or 1)


# Private


def _fields(keys: Keys) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    table = keys.table("fields", required=True)
    if len(table) > MAX_FIELDS:
        keys.findings.add("S016", keys.place_of("fields"), why=f"≤ {MAX_FIELDS}")
    for name, (place, node) in list(table.items())[:MAX_FIELDS]:
        inner = keys.sub(place, node, name)
        if good_name(name, place, keys.findings) and inner is not None:
            field = read_field(name, inner)
            if field is not None:
                fields[name] = field
    return fields


def _states(keys: Keys) -> States | None:
    values: list[Choice] = []
    starts: list[str] = []
    final: list[str] = []
    for name, (place, node) in keys.table("states").items():
        inner = keys.sub(place, node, name)
        if inner is None or not good_name(name, place, keys.findings):
            continue
        values.append(Choice(name, inner.needed_label(), inner.word("tone", TONES, "neutral")))
        if inner.flag("start"):
            starts.append(name)
        if inner.flag("final"):
            final.append(name)
        inner.done()
    moves = tuple(_moves(keys))
    if not values:
        return None
    if len(starts) != 1:
        keys.findings.add("S041", keys.place_of("states"))
    return States(starts[0] if starts else values[0].name, tuple(values), tuple(final), moves)


def _moves(keys: Keys) -> list[Move]:
    moves: list[Move] = []
    for name, (place, node) in keys.table("moves").items():
        inner = keys.sub(place, node, name)
        if inner is None or not good_name(name, place, keys.findings):
            continue
        moves.append(
            Move(
                name=name,
                label=inner.needed_label(),
                sources=inner.names("from"),
                target=inner.text("to", required=True),
                place=place,
                guard=inner.expression("when"),
                say=inner.label("say"),
                tone=inner.word("tone", TONES, "primary"),
                asks=inner.names("asks"),
                offers=inner.names("offers"),
                sets=MappingProxyType(_sets(inner)),
                effects=tuple(_effects(inner)),
                deletes=inner.flag("deletes"),
            )
        )
        inner.done()
    return moves


def _sets(keys: Keys) -> dict[str, Expression]:
    found: dict[str, Expression] = {}
    for name, (place, node) in keys.table("sets").items():
        expression = read_expression(node, keys.findings) if isinstance(node, Scalar) else None
        if expression is not None:
            found[name] = expression
        elif not isinstance(node, Scalar):
            keys.findings.add("S009", place, key=name, kind=Label("表达式", "an expression"))
    return found


def _effects(keys: Keys) -> list[Effect]:
    found: list[Effect] = []
    for inner in keys.tables("then"):
        said = [kind for kind in EffectKind if inner.node(kind.value) is not None]
        if len(said) != 1:
            keys.findings.add("S112", inner.place, keys=" / ".join(EffectKind))
        kind = said[0] if said else EffectKind.LINKED
        each, new = kind is EffectKind.EACH, kind is EffectKind.NEW
        effect = Effect(
            kind=kind,
            target=inner.text(kind.value),
            place=inner.place,
            when=inner.expression("when"),
            where=inner.expression("where", required=True) if each else None,
            must=None if new else inner.expression("must"),
            say=None if new else inner.label("say"),
            takes=None if new else inner.text("take") or None,
            sets=MappingProxyType(_sets(inner)),
        )
        inner.done()
        if len(said) == 1:
            found.append(effect)
    return found


def _groups(keys: Keys, key: str) -> tuple[tuple[str, ...], ...]:
    node = keys.node(key)
    if node is None:
        return ()
    groups: list[tuple[str, ...]] = []
    items = getattr(node, "items", None)
    for item in items if isinstance(items, list) else ():
        names = getattr(item, "items", None)
        if isinstance(names, list) and names and all(isinstance(name, Scalar) for name in names):
            groups.append(tuple(name.text for name in names))
    if not isinstance(items, list) or len(groups) != len(items):
        keys.findings.add(
            "S009", node.place, key=key, kind=Label("字段名列表的列表", "a list of lists of fields")
        )
    return tuple(groups)


def _checks(keys: Keys) -> list[Check]:
    found: list[Check] = []
    for inner in keys.tables("checks"):
        that = inner.expression("that", required=True)
        at = inner.text("at") or None
        say, warning = inner.needed_label("say"), inner.flag("warning")
        inner.done()
        if that is not None:
            found.append(Check(that, at, say, warning, inner.place))
    return found


def _locks(keys: Keys) -> list[Lock]:
    found: list[Lock] = []
    for inner in keys.tables("locks"):
        when = inner.expression("when", required=True)
        say = inner.needed_label("say")
        inner.done()
        if when is not None:
            found.append(Lock(when, say, inner.place))
    return found


def _list(keys: Keys, fields: dict[str, Field]) -> ListLayout:
    inner = _only(keys, "list")
    if inner is None:
        columns = tuple(
            name for name in fields if fields[name].type not in ("children", "long_text", "json")
        )[:6]
        return ListLayout(columns, DEFAULT_SORT, (), ())
    views: list[View] = []
    for name, (place, node) in inner.table("views").items():
        view = inner.sub(place, node, name)
        if view is not None and good_name(name, place, keys.findings):
            label, where = view.needed_label(), view.expression("where")
            views.append(View(name, label, where, view.names("columns"), view.text("sort") or None))
            view.done()
    layout = ListLayout(
        inner.names("columns"),
        inner.text("sort", DEFAULT_SORT),
        inner.names("filters"),
        tuple(views),
    )
    inner.done()
    return layout


def _form(keys: Keys, fields: dict[str, Field]) -> tuple[Tab, ...]:
    tabs: list[Tab] = []
    loose: list[Section] = []
    for inner in keys.tables("form"):
        if inner.node("tab") is not None:
            label = inner.label("tab")
            tabs.append(
                Tab(label, tuple(_section(section) for section in inner.tables("sections")))
            )
            inner.done()
        else:
            loose.append(_section(inner))
    if loose:
        tabs.insert(0, Tab(None if not tabs else Label("基本", "Basics"), tuple(loose)))
    if not tabs:
        names = tuple(field.name for field in fields.values() if field.name != STATE_FIELD)
        tabs.append(Tab(None, (Section(Label("基本", "Basics"), names),)))
    return tuple(tabs)


def _section(keys: Keys) -> Section:
    section = Section(
        keys.needed_label("section"), keys.names("fields"), keys.expression("show_when")
    )
    keys.done()
    return section


def _related(keys: Keys) -> list[Related]:
    found: list[Related] = []
    for inner in keys.tables("related"):
        entity, _, by = inner.text("list", required=True).partition(".")
        found.append(Related(entity, by, inner.names("columns")))
        inner.done()
    return found


def _only(keys: Keys, key: str) -> Keys | None:
    node: Node | None = keys.node(key)
    place: Place = keys.place_of(key)
    return None if node is None else keys.sub(place, node, key)


def _viewing(keys: Keys) -> Viewing | None:
    inner = _inside(keys, "viewing")
    if inner is None:
        return None
    usual = read_pace(inner, None)
    leaving = _inside(inner, "on_notice")
    notice = usual if leaving is None else read_pace(leaving, usual)
    roles: dict[str, Pace] = {}
    for name, (place, node) in inner.table("roles").items():
        own = inner.sub(place, node, name)
        if own is not None:
            roles[name] = read_pace(own, usual)
            own.done()
    if leaving is not None:
        leaving.done()
    inner.done()
    return Viewing(usual, notice, MappingProxyType(roles), keys.place_of("viewing"))


def _subject(keys: Keys) -> Subject | None:
    inner = _inside(keys, "subject")
    if inner is None:
        return None
    found = Subject(inner.text("ends") or None, inner.names("also"), inner.place)
    inner.done()
    return found


def _inside(keys: Keys, key: str) -> Keys | None:
    node: Node | None = keys.node(key)
    return keys.sub(keys.place_of(key), node, key) if node is not None else None
