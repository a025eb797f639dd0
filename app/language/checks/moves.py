"""Checks of steps: what they ask for and set, and what they change beyond their record."""

from __future__ import annotations

from collections.abc import Iterable

from app.kernel.messages import Label
from app.kernel.registry import nearest
from app.language.checks.context import Context
from app.language.definitions import STATE_FIELD, Entity, Field
from app.language.expressions import Expression
from app.language.field_types import FIELD_TYPES
from app.language.kinds import UnknownPath
from app.language.paths import field_kind
from app.language.source import Place
from app.language.steps import Effect, EffectKind, Move


def check_move(context: Context, entity: Entity, move: Move) -> None:
    """Every rule about one step of an entity."""
    context.condition(move.guard, entity)
    for field in context.fields(entity, (*move.asks, *move.offers), move.place):
        if (
            not FIELD_TYPES.get(field.type).settable
            or field.type == "children"
            or field.name == STATE_FIELD
        ):
            _unusable(context, field, move.place)
    for name, expression in move.sets.items():
        _sets(context, entity, (entity, name), expression, move.place)
    check_effects(context, entity, move.effects)


def check_effects(context: Context, entity: Entity, effects: Iterable[Effect]) -> None:
    """Every rule about what comes with a step, or with a new record."""
    for effect in effects:
        _effect(context, entity, effect)


def check_histories(context: Context, entity: Entity) -> None:
    """Every rule about fields whose periods are kept."""
    for history in entity.histories:
        field = context.field(entity, history.field, history.place)
        target = context.entity(history.kept_in, history.place)
        if field is None or target is None:
            continue
        if target.system or target.external_table:
            context.findings.add("S113", history.place, name=target.name)
        links = {history.of: entity.name, history.now: field.target, history.was: field.target}
        for name in filter(None, (*links, history.request)):
            kept = context.field(target, name, history.place)
            fits = kept is not None and (name == history.request or kept.target == links[name])
            if kept is not None and ((kept.type != field.type and name != history.of) or not fits):
                _unusable(context, kept, history.place)
        for name in (history.since, history.until):
            kept = context.field(target, name, history.place)
            if kept is not None and kept.type != "datetime":
                _unusable(context, kept, history.place)


# Private


def _effect(context: Context, entity: Entity, effect: Effect) -> None:
    target = _target(context, entity, effect)
    context.condition(effect.when, entity)
    if target is None:
        return
    if target.system or target.external_table:
        # Accounts and what they hold are given by people who may give it, never along the way.
        context.findings.add("S113", effect.place, name=target.name)
    for condition in (effect.where, effect.must):
        context.condition(condition, target, form=entity)
    for name, expression in effect.sets.items():
        _sets(context, entity, (target, name), expression, effect.place)
    if effect.kind is EffectKind.NEW:
        _complete(context, target, effect)
    if effect.takes is not None and (not target.states or not target.states.move(effect.takes)):
        moves = [move.name for move in target.states.moves] if target.states else []
        hint = context.findings.did_you_mean(nearest(effect.takes, moves))
        context.findings.add("S040", effect.place, hint=hint, name=effect.takes)


def _target(context: Context, entity: Entity, effect: Effect) -> Entity | None:
    if effect.kind is not EffectKind.LINKED:
        return context.entity(effect.target, effect.place)
    field = context.field(entity, effect.target, effect.place)
    if field is None:
        return None
    if field.type not in ("link", "links"):
        _unusable(context, field, effect.place)
        return None
    return context.entity(field.target, effect.place)


def _complete(context: Context, target: Entity, effect: Effect) -> None:
    for field in target.settable_fields:
        given = field.name in effect.sets or field.default is not None or field.type == "yes_no"
        if field.required and field.name != STATE_FIELD and not given:
            context.findings.add("S114", effect.place, entity=target.name, name=field.name)


def _sets(
    context: Context,
    entity: Entity,
    target: tuple[Entity, str],
    expression: Expression,
    place: Place,
) -> None:
    """The value of ``expression`` over ``entity`` must fit the field that it is for."""
    holder, name = target
    field = context.field(holder, name, place)
    if field is None:
        return
    try:
        wanted = field_kind(context.entities, holder, field)
    except UnknownPath:
        _unusable(context, field, place)
        return
    if not FIELD_TYPES.get(field.type).settable or field.name == STATE_FIELD:
        _unusable(context, field, place)
    context.condition(expression, entity, wanted)


def _unusable(context: Context, field: Field, place: Place) -> None:
    context.findings.add(
        "S026", place, name=field.name, why=Label(f"类型 {field.type}", f"type {field.type}")
    )
