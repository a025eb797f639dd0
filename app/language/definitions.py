"""The checked schema as frozen values: what the rest of the product reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from app.kernel.messages import Label
from app.language.aparts import Apart
from app.language.consents import Needed
from app.language.dashboard_definitions import Dashboard
from app.language.expressions import Expression
from app.language.field_types import FIELD_TYPES, TWICE_FOR
from app.language.hidings import HiddenWhen
from app.language.histories import History
from app.language.portal_definitions import Portal, Subject
from app.language.reminder_definitions import Reminder
from app.language.report_definitions import Report
from app.language.source import Place
from app.language.steps import Effect, Move
from app.language.titles import title_parts
from app.language.viewing import Viewing

STATE_FIELD = "state"
ACCOUNT = "account"


class Rights(StrEnum):
    """What a role may be given on an entity."""

    READ = "read"
    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"
    MOVE = "move"
    EXPORT = "export"
    PRINT = "print"
    IMPORT = "import"


class Decided(StrEnum):
    """What one person asks for and a second one decides."""

    EXPORT = "export"
    DELETE = "delete"
    CHANGE = "change"
    RIGHTS = "rights"
    ERASE = "erase"


class Deletion(StrEnum):
    """What deleting a record of an entity means."""

    SOFT = "soft"
    HARD = "hard"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a choice field or one state."""

    name: str
    label: Label
    tone: str = "neutral"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entity."""

    name: str
    type: str
    label: Label
    place: Place
    help: Label | None = None
    required: bool = False
    unique: bool = False
    index: bool = False
    search: bool = False
    readonly: bool = False
    data_class: str | None = None  # of the portal file: why the value is held, and how long
    sensitivity: str | None = None  # the same, when only some may see the value
    encrypted: bool = False
    whose: str | None = None  # the link to the person who has to agree
    consent: Needed | None = None
    was: str | None = None
    default: Expression | None = None
    show_when: Expression | None = None
    require_when: Expression | None = None
    readonly_when: Expression | None = None
    choices: tuple[Choice, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    messages: Mapping[str, Label] = field(default_factory=dict, hash=False)

    @property
    def target(self) -> str | None:
        """The entity that a link, links, parent or children field leads to."""
        target = self.options.get("to") or self.options.get("of")
        return target if isinstance(target, str) else None

    @property
    def completed(self) -> bool:
        """Whether the default is worked out of the record's other fields, so only once they are known."""
        names = self.default.names() if self.default is not None else ()
        return any(path[0] != "actor" for path in names)

    def choice(self, name: str) -> Choice | None:
        """The choice of that name."""
        return next((choice for choice in self.choices if choice.name == name), None)


def _system(name: str, kind: str, zh: str, en: str, **options: Any) -> tuple[str, Field]:
    return name, Field(name, kind, Label(zh, en), Place("", 0), readonly=True, options=options)


SYSTEM_FIELDS: Mapping[str, Field] = MappingProxyType(
    dict(
        (
            _system("id", "integer", "序号", "ID"),
            _system("uuid", "text", "唯一标识", "Unique ID"),
            _system("created_at", "datetime", "创建时间", "Created"),
            _system("created_by", "link", "创建人", "Created by", to=ACCOUNT),
            _system("updated_at", "datetime", "更新时间", "Updated"),
            _system("updated_by", "link", "更新人", "Updated by", to=ACCOUNT),
            _system("version", "integer", "版本", "Version"),
        )
    )
)


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that every saved record meets; a warning is said but does not stop."""

    that: Expression
    at: str | None
    say: Label
    warning: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Lock:
    """When a record may no longer be edited or deleted, and what is said then."""

    when: Expression
    say: Label
    place: Place


@dataclass(frozen=True, slots=True)
class States:
    """The states of an entity, kept in its field ``state``."""

    start: str
    values: tuple[Choice, ...]
    final: tuple[str, ...]
    moves: tuple[Move, ...]

    def move(self, name: str) -> Move | None:
        """The move of that name."""
        return next((move for move in self.moves if move.name == name), None)


@dataclass(frozen=True, slots=True)
class Section:
    """A titled group of fields on forms and record pages."""

    label: Label
    fields: tuple[str, ...]
    show_when: Expression | None = None


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of a form; a form without tabs has one, without a label."""

    label: Label | None
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A list view that ships with the schema."""

    name: str
    label: Label
    where: Expression | None
    columns: tuple[str, ...]
    sort: str | None


@dataclass(frozen=True, slots=True)
class ListLayout:
    """What the list page of an entity shows."""

    columns: tuple[str, ...]
    sort: str
    filters: tuple[str, ...]
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Related:
    """A list of the records that point here, on the record's page."""

    entity: str
    by: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of record."""

    name: str
    label: Label
    place: Place
    module: str
    icon: str
    title: str
    scope: tuple[str, ...] | None
    owner: str | None
    deletion: Deletion
    in_menu: bool
    system: bool
    was: str | None
    help: Label | None
    fields: Mapping[str, Field] = field(hash=False)
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    checks: tuple[Check, ...] = ()
    locks: tuple[Lock, ...] = ()
    states: States | None = None
    list: ListLayout = field(default=ListLayout((), "-id", (), ()))
    form: tuple[Tab, ...] = ()
    related: tuple[Related, ...] = ()
    external_table: str | None = None
    seen_when: Expression | None = None
    viewing: Viewing | None = field(default=None, hash=False)
    subject: Subject | None = None
    effects: tuple[Effect, ...] = field(default=(), hash=False)
    histories: tuple[History, ...] = ()
    aparts: tuple[Apart, ...] = ()
    data_class: str | None = None  # of the fields that name none

    def field(self, name: str) -> Field | None:
        """The declared or system field of that name."""
        return self.fields.get(name) or SYSTEM_FIELDS.get(name)

    @property
    def has_place(self) -> bool:
        """Whether each record keeps its place in the tree; the tree's own records are places."""
        return self.scope is not None and self.scope != ("self",)

    @property
    def title_fields(self) -> tuple[str, ...]:
        """The fields that the title names, in their order."""
        return tuple(part for part, named in title_parts(self.title) if named)

    @property
    def settable_fields(self) -> Iterator[Field]:
        """The fields that a form can set."""
        for item in self.fields.values():
            if FIELD_TYPES.get(item.type).settable and item.name != STATE_FIELD:
                yield item

    @property
    def search_fields(self) -> tuple[Field, ...]:
        """The record's own fields that free search looks into."""
        return tuple(one for one in self.fields.values() if one.search and one.type != "link")

    @property
    def unique_groups(self) -> tuple[tuple[str, ...], ...]:
        """The names of fields whose values are unique, alone or together."""
        return *((one.name,) for one in self.fields.values() if one.unique), *self.unique

    @property
    def held_groups(self) -> Mapping[tuple[str, ...], Field]:
        """The unique groups of which a value that exists out of sight is held, and the field that says who is told."""
        return {
            group: self.fields[told[0]]
            for group in self.unique_groups
            if (told := [name for name in group if self._tells_of_twice(name)])
        }

    def _tells_of_twice(self, name: str) -> bool:
        return name in self.fields and TWICE_FOR in self.fields[name].options

    @property
    def tree_parent(self) -> Field | None:
        """The field that makes a tree of the entity."""
        return next((field for field in self.fields.values() if field.type == "parent"), None)


@dataclass(frozen=True, slots=True)
class EntityRights:
    """What a role may do with an entity; ``None`` as a list stands for all. ``by_request`` are rights that it may not
    use, but ask for; ``ask_fields`` fields that it fills in, and a second person agrees to. ``reveal`` names those that
    it sees masked and may uncover one by one, with a reason; ``hide_when`` what it does not see of some records.
    """

    rights: frozenset[Rights]
    create_fields: tuple[str, ...] | None
    edit_fields: tuple[str, ...] | None
    moves: tuple[str, ...] | None
    hide: tuple[str, ...]
    mask: tuple[str, ...]
    show: tuple[str, ...] | None
    place: Place
    by_request: frozenset[Rights] = frozenset()
    reveal: tuple[str, ...] | None = ()
    ask_fields: tuple[str, ...] = ()
    hide_when: HiddenWhen | None = None


@dataclass(frozen=True, slots=True)
class RowRule:
    """Which rows a role sees: ``all``, ``below`` the place it is held at, or those that meet a condition."""

    kind: str
    condition: Expression | None
    place: Place


@dataclass(frozen=True, slots=True)
class Role:
    """A role with its rights; whatever is not said is not allowed.

    ``approves`` names the entities whose requests of a kind the role decides, ``None`` for all.
    ``asks_factor`` says that it wants a second factor whatever it may do.
    """

    name: str
    label: Label
    place: Place
    help: Label | None
    sees: Mapping[str, RowRule] = field(hash=False)
    may: Mapping[str, EntityRights] = field(hash=False)
    administers: frozenset[str] = frozenset()
    approves: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict, hash=False)
    asks_factor: bool = False

    @property
    def weighty(self) -> bool:
        """Whether it has power over others, or takes records out of the house: two people give it."""
        takes = any(Rights.EXPORT in one.rights for one in self.may.values())
        return bool(self.administers or self.approves or takes)

    @property
    def second_factor(self) -> bool:
        """Whether its holders prove themselves beside the password; follows from what it may do."""
        asks = any(Rights.EXPORT in one.by_request for one in self.may.values())
        return self.asks_factor or self.weighty or asks

    def decides(self, kind: str, entity: str) -> bool:
        """Whether the role decides requests of ``kind`` about records of ``entity``."""
        names = self.approves.get(kind, ())
        return names is None or entity in names


@dataclass(frozen=True, slots=True)
class Schema:
    """A whole, checked schema with the digest of what it was compiled from."""

    portal: Portal
    entities: Mapping[str, Entity] = field(hash=False)
    roles: Mapping[str, Role] = field(hash=False)
    reports: Mapping[str, Report] = field(default_factory=dict, hash=False)
    reminders: Mapping[str, Reminder] = field(default_factory=dict, hash=False)
    dashboards: Mapping[str, Dashboard] = field(default_factory=dict, hash=False)
    digest: str = ""
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)

    def has_pages(self, name: str) -> bool:
        """Whether the entity has pages that a link can lead to."""
        return any(entity.name == name for entity in self.enabled_entities())

    def enabled_entities(self) -> Iterator[Entity]:
        """The entities with pages: their module is on and their table is the portal's own."""
        off = {module.name for module in self.portal.modules if not module.enabled}
        for entity in self.entities.values():
            if entity.module not in off and entity.external_table is None:
                yield entity
