"""Checks of entities: titles, scopes, states, checks, lists, forms, related lists."""

from __future__ import annotations

from collections.abc import Iterable

from app.kernel.messages import Label
from app.kernel.registry import nearest
from app.language import kinds
from app.language.checks.context import Context
from app.language.checks.fields import NOT_IN_LISTS
from app.language.checks.moves import check_effects, check_histories, check_move
from app.language.definitions import Entity, Field
from app.language.field_types import FIELD_TYPES, TWICE_FOR
from app.language.paths import link_target
from app.language.source import Place

MANY = ("links", "json", "tags", "choices", "files")


def check_entities(context: Context) -> None:
    """Every rule about whole entities."""
    for entity in context.entities.values():
        if entity.external_table:
            continue
        _title(context, entity)
        _scope(context, entity)
        _groups(context, entity)
        _aparts(context, entity)
        _conditions(context, entity)
        _states(context, entity)
        _list(context, entity)
        _form(context, entity)
        _related(context, entity)
        _viewing(context, entity)
        _twice(context, entity)
        _subject(context, entity)
        check_effects(context, entity, entity.effects)
        check_histories(context, entity)


# Private


def _title(context: Context, entity: Entity) -> None:
    if entity.title and not entity.title_fields:
        context.findings.add("S024", entity.place, type="title", key="{…}")
    for name in entity.title_fields:
        field = context.field(entity, name, entity.place)
        if field is None:
            continue
        if not FIELD_TYPES.get(field.type).stored or FIELD_TYPES.get(field.type).kind not in (
            kinds.TEXT,
            kinds.NUMBER,
            kinds.DATE,
        ):
            why = Label(
                "只能用本实体的文本、数字或日期字段", "only own text, number and date fields"
            )
            context.findings.add("S059", entity.place, name=name, why=why)
        elif field.sensitivity is not None and context.portal.classes.get(field.sensitivity):
            why = Label("敏感字段", "it is sensitive")
            context.findings.add("S059", entity.place, name=name, why=why)


def _scope(context: Context, entity: Entity) -> None:
    if entity.scope is None:
        return
    tree, path = context.portal.tree, ".".join(entity.scope)
    if entity.scope == ("self",):
        parents = [field for field in entity.fields.values() if field.type == "parent"]
        if entity.name != tree:
            context.findings.add("S050", entity.place, path=path, tree=tree or "-")
        elif len(parents) != 1:
            context.findings.add("S052", entity.place, name=entity.name)
        return
    here: Entity | None = entity
    for step, name in enumerate(entity.scope):
        field = here.field(name) if here else None
        if field is None or here is None or link_target(field, here) is None:
            hint = context.findings.did_you_mean(nearest(name, here.fields if here else ()))
            context.findings.add("S050", entity.place, hint=hint, path=path, tree=tree or "-")
            return
        if not field.required and step == 0:
            context.findings.add("S051", field.place)
        here = context.entities.get(str(link_target(field, here)))
    if here is None or (here.name != tree and here.scope is None) or here is entity:
        context.findings.add("S050", entity.place, path=path, tree=tree or "-")


def _groups(context: Context, entity: Entity) -> None:
    for group in (*entity.unique, *entity.indexes):
        for field in context.fields(entity, group, entity.place):
            if not FIELD_TYPES.get(field.type).stored or field.type in MANY:
                _unusable(context, field, entity.place)
            together = Label("不能与其他字段一起建索引", "it shares no index with other fields")
            _refuse_encrypted(context, field, entity.place, together)


def _aparts(context: Context, entity: Entity) -> None:
    for apart in entity.aparts:
        context.condition(apart.where, entity)
        context.field(entity, apart.at, apart.place)
        days = [name for name in (apart.since, apart.until) if name]
        for field in context.fields(entity, (*apart.by, *days), apart.place):
            plain = FIELD_TYPES.get(field.type).stored and field.type not in MANY
            if not plain or (field.name in days and field.type != "date"):
                _unusable(context, field, apart.place)
            unequal = Label("无法比较", "it cannot be compared")
            _refuse_encrypted(context, field, apart.place, unequal)


def _refuse_encrypted(context: Context, field: Field, place: Place, why: Label) -> None:
    if field.encrypted:
        context.findings.add("S103", place, name=field.name, why=why)


def _unusable(context: Context, field: Field, place: Place) -> None:
    context.findings.add(
        "S026", place, name=field.name, why=Label(f"类型 {field.type}", f"type {field.type}")
    )


def _conditions(context: Context, entity: Entity) -> None:
    for check in entity.checks:
        context.condition(check.that, entity)
        if check.at is not None:
            context.field(entity, check.at, check.place)
    for lock in entity.locks:
        context.condition(lock.when, entity)
    owner = context.field(entity, entity.owner, entity.place) if entity.owner else None
    if owner is not None and (owner.type != "link" or owner.target != context.portal.person_entity):
        why = Label("应指向人员实体", "it must link to the person entity")
        context.findings.add("S026", entity.place, name=owner.name, why=why)


def _states(context: Context, entity: Entity) -> None:
    states = entity.states
    if states is None:
        return
    names = [state.name for state in states.values]
    for move in states.moves:
        for name in (*move.sources, move.target):
            if name not in names:
                hint = context.findings.did_you_mean(nearest(name, names))
                context.findings.add("S040", move.place, hint=hint, name=name)
        check_move(context, entity, move)
    reached = {states.start, *(move.target for move in states.moves)}
    for name in names:
        if name not in reached:
            context.findings.add("S042", entity.place, name=name)


def _list(context: Context, entity: Entity) -> None:
    layout = entity.list
    _columns(context, entity, layout.columns, entity.place)
    _sort(context, entity, layout.sort, entity.place)
    for field in context.fields(entity, layout.filters, entity.place):
        if not FIELD_TYPES.get(field.type).filter:
            _unusable(context, field, entity.place)
    for view in layout.views:
        place = view.where.place if view.where else entity.place
        context.condition(view.where, entity)
        _columns(context, entity, view.columns, place)
        if view.sort:
            _sort(context, entity, view.sort, place)


def _columns(context: Context, entity: Entity, names: Iterable[str], place: Place) -> None:
    for field in context.fields(entity, names, place):
        if field.type in NOT_IN_LISTS:
            _unusable(context, field, place)


def _sort(context: Context, entity: Entity, sort: str, place: Place) -> None:
    field = context.field(entity, sort.removeprefix("-"), place)
    if field is not None and not FIELD_TYPES.get(field.type).sortable:
        _unusable(context, field, place)
    if field is not None:
        why = Label("不能按它排序", "nothing is sorted by it")
        _refuse_encrypted(context, field, place, why)


def _form(context: Context, entity: Entity) -> None:
    seen: set[str] = set()
    for tab in entity.form:
        for section in tab.sections:
            context.condition(section.show_when, entity)
            for field in context.fields(entity, section.fields, entity.place):
                if field.name in seen:
                    context.findings.add("S058", field.place, name=field.name)
                seen.add(field.name)
    for field in entity.settable_fields:
        if field.name not in seen and not field.readonly:
            context.findings.add("S057", field.place, name=field.name)


def _related(context: Context, entity: Entity) -> None:
    for related in entity.related:
        target = context.entity(related.entity, entity.place)
        by = context.field(target, related.by, entity.place) if target else None
        if target is None or by is None:
            continue
        if link_target(by, target) != entity.name:
            _unusable(context, by, entity.place)
        _columns(context, target, related.columns, entity.place)


def _viewing(context: Context, entity: Entity) -> None:
    viewing = entity.viewing
    for name in viewing.roles if viewing is not None else ():
        if name not in context.roles and viewing is not None:
            hint = context.findings.did_you_mean(nearest(name, context.roles))
            context.findings.add("S083", viewing.place, hint=hint, name=name)


def _twice(context: Context, entity: Entity) -> None:
    """Whoever is told of a value that was given twice is a role, and the value has to be unique."""
    unique = {name for group in entity.unique_groups for name in group}
    for item in entity.fields.values():
        if TWICE_FOR in item.options and item.name not in unique:
            context.findings.add("S023", item.place, type=item.type, key=TWICE_FOR)
        for name in item.options.get(TWICE_FOR, ()):
            if name not in context.roles:
                hint = context.findings.did_you_mean(nearest(name, context.roles))
                context.findings.add("S083", item.place, hint=hint, name=name)


def _subject(context: Context, entity: Entity) -> None:
    subject = entity.subject
    if subject is None:
        return
    context.fields(entity, subject.also, subject.place)
    if subject.ends is not None:
        field = context.field(entity, subject.ends, subject.place)
        if field is not None and field.type not in ("date", "datetime"):
            why = Label("应是日期", "it must be a date")
            context.findings.add("S026", subject.place, name=subject.ends, why=why)
