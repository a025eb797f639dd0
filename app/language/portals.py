"""Reads the portal file and role files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from app.kernel.messages import Label
from app.language.consents import read_consents
from app.language.definitions import (
    Decided,
    EntityRights,
    Rights,
    Role,
    RowRule,
)
from app.language.entities import read_pace
from app.language.fields import TONES
from app.language.hidings import read_hidden
from app.language.portal_definitions import Agenda, DataClass, Guard, Module, Portal, Tile
from app.language.reading import Keys, good_name, read_expression
from app.language.reminder_definitions import Holidays
from app.language.source import Scalar
from app.language.viewing import Revealing

MASKS = ("phone", "id_card", "tail", "name", "all")
ADMINISTERS = ("schema", "accounts", "roles", "trail", "reminders")
SIMPLE_RIGHTS = (Rights.READ, Rights.PRINT, Rights.IMPORT)
# Rights that a role may have, or be allowed to ask for.
ASKED_RIGHTS = (Rights.DELETE, Rights.EXPORT)
REQUEST = "request"
REQUIRED = "required"


def read_portal(keys: Keys) -> Portal:
    """The portal file."""
    person = keys.table("person")
    portal = Portal(
        name=keys.text("portal", required=True),
        label=keys.needed_label(),
        place=keys.place,
        tree=keys.text("tree") or None,
        person_entity=_scalar(person, "entity"),
        person_account=_scalar(person, "account"),
        currency=keys.text("currency", "CNY"),
        classes=MappingProxyType({item.name: item for item in _classes(keys)}),
        modules=tuple(_modules(keys)),
        tiles=tuple(_tiles(keys)),
        agenda=tuple(_agenda(keys)),
        person_until=_scalar(person, "until"),
        holidays=_holidays(keys),
        guard=_guard(keys),
        revealing=_revealing(keys),
        bases=MappingProxyType(dict(_bases(keys))),
        consents=read_consents(keys),
        data_class=keys.text("class") or None,
        keep_snapshots_days=keys.integer("keep_snapshots_days", 400, 1, 36_500) or 400,
    )
    keys.node("home")
    keys.done()
    return portal


def read_role(keys: Keys) -> Role | None:
    """A role file; None when it has no usable name."""
    name = keys.text("role", required=True)
    if not good_name(name, keys.place_of("role"), keys.findings):
        return None
    administers = keys.names("administers")
    for part in administers:
        if part not in ADMINISTERS:
            place = keys.place_of("administers")
            keys.findings.add("S015", place, value=part, choices=", ".join(ADMINISTERS))
    role = Role(
        name=name,
        label=keys.needed_label(),
        place=keys.place,
        help=keys.label("help"),
        sees=MappingProxyType(_sees(keys)),
        may=MappingProxyType(_may(keys)),
        administers=frozenset(administers),
        approves=MappingProxyType(_approves(keys)),
        asks_factor=keys.word("second_factor", (REQUIRED,)) == REQUIRED,
    )
    keys.done()
    return role


# Private


def _scalar(table: Mapping[str, tuple[object, object]], key: str) -> str | None:
    node = table.get(key, (None, None))[1]
    return node.text if isinstance(node, Scalar) else None


def _holidays(keys: Keys) -> Holidays | None:
    node = keys.node("holidays")
    inner = keys.sub(keys.place_of("holidays"), node, "holidays") if node is not None else None
    if inner is None:
        return None
    found = Holidays(
        entity=inner.text("entity", required=True),
        day=inner.text("day", required=True),
        works=inner.expression("works"),
        where=inner.expression("where"),
        place=inner.place,
    )
    inner.done()
    return found


def _guard(keys: Keys) -> Guard:
    node, usual = keys.node("guard"), Guard()
    inner = keys.sub(keys.place_of("guard"), node, "guard") if node is not None else None
    if inner is None:
        return usual

    def whole(table: Keys, key: str, default: int, low: int = 0) -> int:
        found = table.integer(key, default, low, 100_000)
        return default if found is None else found

    below = inner.node("on_notice")
    notice = inner.sub(inner.place_of("on_notice"), below, "on_notice") if below else None
    guard = Guard(
        window=whole(inner, "window", usual.window, 1),
        deletes=whole(inner, "deletes", usual.deletes),
        changes=whole(inner, "changes", usual.changes),
    )
    inner.done()
    if notice is None:
        return guard
    guard = replace(
        guard,
        notice_deletes=whole(notice, "deletes", usual.notice_deletes),
        notice_changes=whole(notice, "changes", usual.notice_changes),
        when=notice.expression("when"),
    )
    notice.done()
    return guard


def _revealing(keys: Keys) -> Revealing:
    node, usual = keys.node("reveal"), Revealing()
    inner = keys.sub(keys.place_of("reveal"), node, "reveal") if node is not None else None
    if inner is None:
        return usual
    below = inner.node("on_notice")
    notice = inner.sub(inner.place_of("on_notice"), below, "on_notice") if below else None
    found = Revealing(
        usual=read_pace(inner, usual.usual),
        notice=usual.notice if notice is None else read_pace(notice, usual.notice),
        reasons=tuple(_reasons(inner)),
    )
    for table in (notice, inner):
        if table is not None:
            table.done()
    return found


def _reasons(keys: Keys) -> Iterator[Label]:
    for item in keys.tables("reasons"):
        yield Label(item.text("zh", required=True), item.text("en", required=True))
        item.done()


def _bases(keys: Keys) -> Iterator[tuple[str, Label]]:
    for name, (place, node) in keys.table("bases").items():
        inner = keys.sub(place, node, name)
        if inner is not None:
            yield name, Label(inner.text("zh", required=True), inner.text("en", required=True))
            inner.done()


def _classes(keys: Keys) -> list[DataClass]:
    found: list[DataClass] = []
    for name, (place, node) in keys.table("classes").items():
        inner = keys.sub(place, node, name)
        if inner is None or not good_name(name, place, keys.findings):
            continue
        months = inner.integer("keep_months", None, 1, 1200)
        shown_to_all = inner.flag("open")
        if not shown_to_all:
            inner.node("keep_months", required=True)
        found.append(
            DataClass(
                name=name,
                label=inner.needed_label(),
                purpose=inner.needed_label("purpose"),
                basis=inner.text("basis", required=True),
                keep_months=months,
                open=shown_to_all,
                mask=inner.word("mask", MASKS, "all"),
                encrypt=inner.flag("encrypt"),
                place=place,
                must_keep_months=inner.integer("must_keep_months", None, 1, 1200),
                consent=inner.text("consent") or None,
                log_reads=inner.flag("log_reads"),
            )
        )
        inner.done()
    return found


def _modules(keys: Keys) -> list[Module]:
    found: list[Module] = []
    for name, (place, node) in keys.table("modules").items():
        inner = keys.sub(place, node, name)
        if inner is None or not good_name(name, place, keys.findings):
            continue
        label, icon = inner.needed_label(), inner.text("icon", "folder")
        found.append(
            Module(
                name,
                label,
                icon,
                inner.names("entities"),
                inner.flag("enabled", default=True),
                place,
            )
        )
        inner.done()
    return found


def _home(keys: Keys) -> Keys | None:
    node = keys.node("home")
    return None if node is None else keys.sub(keys.place_of("home"), node, "home")


def _tiles(keys: Keys) -> list[Tile]:
    home = _home(keys)
    found: list[Tile] = []
    for inner in home.tables("tiles") if home else ():
        label, entity, where = (
            inner.needed_label(),
            inner.text("entity", required=True),
            inner.expression("where"),
        )
        tone, icon = inner.word("tone", TONES, "primary"), inner.text("icon", "chart-bar")
        found.append(Tile(label, entity, where, tone, icon, inner.place))
        inner.done()
    return found


def _agenda(keys: Keys) -> list[Agenda]:
    home = _home(keys)
    found: list[Agenda] = []
    for inner in home.tables("agenda") if home else ():
        label, entity, where = (
            inner.needed_label(),
            inner.text("entity", required=True),
            inner.expression("where", required=True),
        )
        columns, sort = inner.names("columns"), inner.text("sort", "id")
        inner.done()
        if where is not None:
            found.append(Agenda(label, entity, where, columns, sort, inner.place))
    if home:
        home.node("tiles")
        home.done()
    return found


def _sees(keys: Keys) -> dict[str, RowRule]:
    found: dict[str, RowRule] = {}
    for name, (place, node) in keys.table("sees").items():
        if not isinstance(node, Scalar):
            keys.findings.add("S009", place, key=name, kind=Label("条件", "a condition"))
        elif node.text in ("all", "below"):
            found[name] = RowRule(node.text, None, place)
        else:
            condition = read_expression(node, keys.findings)
            if condition is not None:
                found[name] = RowRule("condition", condition, place)
    return found


def _may(keys: Keys) -> dict[str, EntityRights]:
    found: dict[str, EntityRights] = {}
    for name, (place, node) in keys.table("may").items():
        inner = keys.sub(place, node, name)
        if inner is None:
            continue
        rights = {right for right in SIMPLE_RIGHTS if inner.flag(right)}
        lists = {
            right: _true_or_names(inner, right)
            for right in (Rights.CREATE, Rights.EDIT, Rights.MOVE)
        }
        rights |= {right for right, names in lists.items() if names is None or names}
        ask_fields = inner.names("ask")
        rights |= {Rights.EDIT} if ask_fields else set()
        asked = {right: _true_or_request(inner, right) for right in ASKED_RIGHTS}
        rights |= {right for right, said in asked.items() if said is True}
        found[name] = EntityRights(
            rights=frozenset(rights),
            create_fields=lists[Rights.CREATE],
            edit_fields=lists[Rights.EDIT],
            moves=lists[Rights.MOVE],
            hide=inner.names("hide"),
            mask=inner.names("mask"),
            show=_true_or_names(inner, "show"),
            reveal=_true_or_names(inner, "reveal"),
            ask_fields=ask_fields,
            hide_when=read_hidden(inner),
            place=place,
            by_request=frozenset(right for right, said in asked.items() if said == REQUEST),
        )
        inner.done()
    return found


def _approves(keys: Keys) -> dict[str, tuple[str, ...] | None]:
    node = keys.node("approves")
    inner = keys.sub(keys.place_of("approves"), node, "approves") if node is not None else None
    if inner is None:
        return {}
    found = {str(kind): _true_or_names(inner, kind) for kind in Decided}
    inner.done()
    return {kind: names for kind, names in found.items() if names != ()}


def _true_or_request(keys: Keys, key: str) -> bool | str:
    """``true``, ``false`` or the word ``request``."""
    node = keys.node(key)
    if isinstance(node, Scalar) and not isinstance(node.value, bool):
        return keys.word(key, (REQUEST,)) or False
    return keys.flag(key)


def _true_or_names(keys: Keys, key: str) -> tuple[str, ...] | None:
    """``None`` for ``true`` (everything), otherwise the names; nothing when not said."""
    node = keys.node(key)
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return None if node.value else ()
    return keys.names(key)
