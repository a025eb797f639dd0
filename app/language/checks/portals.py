"""Checks of the portal file and of roles."""

from __future__ import annotations

from collections.abc import Iterable

from app.kernel.messages import Label
from app.kernel.registry import nearest
from app.language.checks.context import Context
from app.language.definitions import Decided, Entity, EntityRights, Rights, Role
from app.language.source import Place


def check_portal(context: Context) -> None:
    """Modules, tree, person, tiles and agenda."""
    portal = context.portal
    _tree_and_person(context)
    _modules(context)
    _holidays(context)
    for tile in portal.tiles:
        entity = context.entity(tile.entity, tile.place)
        if entity is not None:
            context.condition(tile.where, entity)
    for agenda in portal.agenda:
        entity = context.entity(agenda.entity, agenda.place)
        if entity is not None:
            context.condition(agenda.where, entity)
            context.fields(entity, [*agenda.columns, agenda.sort.removeprefix("-")], agenda.place)


def check_roles(context: Context) -> None:
    """Every name in a role exists, and its conditions fit."""
    for role in context.roles.values():
        _sees(context, role)
        for name, rights in role.may.items():
            entity = context.entity(name, rights.place)
            if entity is not None:
                _rights(context, entity, rights)
                _decided(context, role, name, rights)
        _approves(context, role)


# Private


def _tree_and_person(context: Context) -> None:
    portal = context.portal
    if portal.tree is not None:
        tree = context.entity(portal.tree, portal.place)
        if tree is not None and tree.scope != ("self",):
            context.findings.add(
                "S050", tree.place, path=".".join(tree.scope or ("none",)), tree=tree.name
            )
    person = context.entity(portal.person_entity, portal.place) if portal.person_entity else None
    if person is not None:
        account = context.field(person, portal.person_account or "", portal.place)
        if account is not None and account.target != "account":
            why = Label("应指向 account", "it must link to account")
            context.findings.add("S026", portal.place, name=account.name, why=why)
        if portal.person_until is not None:
            _day(context, person, portal.person_until, portal.place)
        context.condition(portal.guard.when, person)
    elif portal.guard.when is not None:
        context.findings.add("S102", portal.guard.when.place)


def _holidays(context: Context) -> None:
    holidays = context.portal.holidays
    entity = context.entity(holidays.entity, holidays.place) if holidays else None
    if holidays is not None and entity is not None:
        _day(context, entity, holidays.day, holidays.place)
        context.condition(holidays.works, entity)
        context.condition(holidays.where, entity)


def _day(context: Context, entity: Entity, name: str, place: Place) -> None:
    field = context.field(entity, name, place)
    if field is not None and field.type != "date":
        why = Label("应是日期", "it must be a date")
        context.findings.add("S026", place, name=name, why=why)


def _modules(context: Context) -> None:
    seen: set[str] = set()
    for module in context.portal.modules:
        for name in module.entities:
            if context.entity(name, module.place) is not None and name in seen:
                context.findings.add("S055", module.place, name=name)
            seen.add(name)
    for entity in context.entities.values():
        if entity.name not in seen and entity.external_table is None and not entity.system:
            context.findings.add("S054", entity.place, name=entity.name)


def _sees(context: Context, role: Role) -> None:
    for name, rule in role.sees.items():
        entity = context.entity(name, rule.place)
        if entity is None:
            continue
        if rule.kind == "below" and entity.scope is None:
            why = Label("该实体没有数据范围", "the entity has no scope")
            context.findings.add("S026", rule.place, name=name, why=why)
        context.condition(rule.condition, entity)


def _rights(context: Context, entity: Entity, rights: EntityRights) -> None:
    lists: tuple[Iterable[str], ...] = (
        rights.create_fields or (), rights.edit_fields or (), rights.hide, rights.mask, rights.show or (),
        rights.reveal or (), rights.ask_fields,
    )  # fmt: skip
    for names in lists:
        context.fields(entity, names, rights.place)
    _moves(context, entity, rights.moves or (), rights.place)
    if rights.hide_when is not None:
        context.condition(rights.hide_when.when, entity)
        context.fields(entity, rights.hide_when.fields, rights.hide_when.when.place)


def _decided(context: Context, role: Role, name: str, rights: EntityRights) -> None:
    """Whoever may only ask needs somebody who answers."""
    answered = any(other.decides(Decided.CHANGE, name) for other in context.roles.values())
    if rights.ask_fields and not answered:
        right = Rights.EDIT.value
        context.findings.add("S100", rights.place, role=role.name, right=right, name=name)
    for right in sorted(rights.by_request):
        if not any(other.decides(right, name) for other in context.roles.values()):
            context.findings.add("S100", rights.place, role=role.name, right=right.value, name=name)


def _approves(context: Context, role: Role) -> None:
    for names in role.approves.values():
        for name in names or ():
            entity = context.entity(name, role.place)
            rights = role.may.get(name)
            if entity is not None and (rights is None or Rights.READ not in rights.rights):
                context.findings.add("S101", role.place, role=role.name, name=name)


def _moves(context: Context, entity: Entity, names: Iterable[str], place: Place) -> None:
    known = [move.name for move in entity.states.moves] if entity.states else []
    for name in names:
        if name not in known:
            hint = context.findings.did_you_mean(nearest(name, known))
            context.findings.add("S043", place, hint=hint, name=name)
