"""Checks of fields: targets, options, defaults, conditions, classes."""

from __future__ import annotations

from app.kernel.messages import Label
from app.kernel.registry import nearest
from app.language import kinds
from app.language.checks.context import Context
from app.language.definitions import STATE_FIELD, Entity, Field
from app.language.field_types import FIELD_TYPES
from app.language.kinds import UnknownPath
from app.language.paths import field_kind, path_kind, walk_path

FILES = ("file", "files", "image", "signature")
SEXES = {"male", "female"}
NOT_IN_LISTS = ("children", "secret", "json", "signature")


def check_fields(context: Context) -> None:
    """Every rule about single fields."""
    for entity in context.entities.values():
        for field in entity.fields.values():
            _targets(context, entity, field)
            _conditions(context, entity, field)
            _identity(context, entity, field)
            _sensitivity(context, field)
            _virtual(context, entity, field)
        for name in entity.fields:
            _no_cycle(context, entity, name, ())


# Private


def _targets(context: Context, entity: Entity, field: Field) -> None:
    names = field.options.get("to") or field.options.get("of") or ()
    for name in (names,) if isinstance(names, str) else names:
        target = context.entity(name, field.place)
        if target is not None and field.type == "children":
            _children(context, entity, field, target)
        if target is not None and field.search and not target.search_fields:
            why = Label("它指向的记录不能搜索", "the records it leads to have nothing to search")
            context.findings.add("S026", field.place, name=field.name, why=why)
        if target is not None:
            form = entity if field.type == "link" else None
            context.condition(field.options.get("where") if form else None, target, form=form)


def _children(context: Context, entity: Entity, field: Field, target: Entity) -> None:
    by = context.field(target, str(field.options.get("by")), field.place)
    if by is not None and (by.type != "link" or by.target != entity.name):
        why = Label(f"应是指向 {entity.name} 的 link", f"it must be a link to {entity.name}")
        context.findings.add("S026", field.place, name=by.name, why=why)
    context.fields(target, field.options.get("columns") or (), field.place)
    if any(inner.type == "children" for inner in target.fields.values()):
        why = Label("明细表里不能再有明细表", "a table of rows cannot hold another")
        context.findings.add("S026", field.place, name=field.name, why=why)


def _conditions(context: Context, entity: Entity, field: Field) -> None:
    for condition in (field.show_when, field.require_when, field.readonly_when):
        context.condition(condition, entity)
    if field.default is not None:
        try:
            wanted = field_kind(context.entities, entity, field)
        except UnknownPath:
            context.findings.add("S023", field.place, type=field.type, key="default")
            return
        _default_of_others(context, entity, field)
        context.condition(field.default, entity, wanted)
    for key in ("min", "max"):
        if FIELD_TYPES.get(field.type).name in ("date", "month"):
            context.condition(field.options.get(key), entity, kinds.DATE)
    if field.name != STATE_FIELD and field.type == "choice" and field.default is not None:
        value = getattr(field.default.tree, "value", None)
        if isinstance(value, str) and field.choice(value) is None:
            names = [choice.name for choice in field.choices]
            hint = context.findings.did_you_mean(nearest(value, names))
            context.findings.add(
                "S015", field.place, hint=hint, value=value, choices=", ".join(names)
            )


def _default_of_others(context: Context, entity: Entity, field: Field) -> None:
    """What is left empty can be worked out of fields that people fill in, and never of what few may see."""
    assert field.default is not None
    for path in field.default.names():
        try:
            steps = () if path[0] == "actor" else walk_path(context.entities, entity, path)
        except UnknownPath:
            continue
        own = steps[0] if len(steps) == 1 else None
        if own is not None and (own.completed or not FIELD_TYPES.get(own.type).settable):
            why = Label("默认值只能引用要填写的字段", "a default reads fields that are filled in")
            context.findings.add("S026", field.place, name=".".join(path), why=why)
        if any(step.sensitivity for step in steps):
            why = Label("默认值不能引用敏感字段", "a default cannot read sensitive fields")
            context.findings.add("S026", field.place, name=".".join(path), why=why)


def _identity(context: Context, entity: Entity, field: Field) -> None:
    """The fields that have to agree with an identity number: a day of birth, a choice of two."""
    for key, kind in (("born", "date"), ("sex", "choice")) if field.type == "id_card" else ():
        name = field.options.get(key)
        other = context.field(entity, name, field.place) if name else None
        choices = {choice.name for choice in other.choices} if other is not None else set()
        if other is not None and (other.type != kind or (key == "sex" and choices != SEXES)):
            why = Label(
                "应是出生日期、male 与 female 的单选", "born is a date, sex is male or female"
            )
            context.findings.add("S026", field.place, name=other.name, why=why)


def _sensitivity(context: Context, field: Field) -> None:
    if field.sensitivity is None:
        return
    if field.sensitivity not in context.portal.classes:
        hint = context.findings.did_you_mean(nearest(field.sensitivity, context.portal.classes))
        context.findings.add("S027", field.place, hint=hint, name=field.sensitivity)
    if field.search:
        context.findings.add("S061", field.place, name=field.name)
    known = context.portal.classes.get(field.sensitivity)
    if known is not None and known.encrypt and not field.encrypted and field.type not in FILES:
        why = Label("这种类型不能加密", f"the type {field.type} cannot be encrypted")
        context.findings.add("S103", field.place, name=field.name, why=why)


def _virtual(context: Context, entity: Entity, field: Field) -> None:
    try:
        if field.type == "computed" and "value" in field.options and "as" in field.options:
            context.condition(
                field.options["value"], entity, field_kind(context.entities, entity, field)
            )
        elif field.type == "lookup" and "path" in field.options:
            field_kind(context.entities, entity, field)
    except UnknownPath as fault:
        hint = context.findings.did_you_mean(fault.nearest)
        context.findings.add("S031", field.place, hint=hint, name=".".join(fault.path))
    if field.type == "summary":
        _summary(context, entity, field)


def _summary(context: Context, entity: Entity, field: Field) -> None:
    parts = field.options.get("count") or field.options.get("sum")
    target = context.entity(parts[0], field.place) if parts else None
    if target is None or not parts:
        return
    by = context.field(target, parts[1], field.place)
    if by is not None and (
        by.type not in ("link", "parent") or (by.target or entity.name) != entity.name
    ):
        why = Label(f"应是指向 {entity.name} 的 link", f"it must be a link to {entity.name}")
        context.findings.add("S026", field.place, name=by.name, why=why)
    summed = context.field(target, parts[2], field.place) if len(parts) == 3 else None
    if summed is not None and (FIELD_TYPES.get(summed.type).kind != kinds.NUMBER):
        why = Label("只能对数字求和", "only numbers can be summed")
        context.findings.add("S026", field.place, name=summed.name, why=why)
    context.condition(field.options.get("where"), target)


def _no_cycle(context: Context, entity: Entity, name: str, above: tuple[str, ...]) -> None:
    field = entity.fields.get(name)
    if field is None or field.type != "computed" or "value" not in field.options:
        return
    if name in above:
        if name == above[0]:
            context.findings.add("S060", field.place, path=" → ".join((*above, name)))
        return
    for path in field.options["value"].names():
        if len(path) == 1:
            _no_cycle(context, entity, path[0], (*above, name))
        elif path[0] != "actor":
            _plain_end(context, entity, field, path)


def _plain_end(context: Context, entity: Entity, field: Field, path: tuple[str, ...]) -> None:
    try:
        last = walk_path(context.entities, entity, path)[-1]
        path_kind(context.entities, context.portal, entity, path)
    except UnknownPath:
        return
    if not FIELD_TYPES.get(last.type).stored:
        why = Label(
            "另一条记录的计算字段不能再用来计算",
            "a computed field of another record cannot be computed with",
        )
        context.findings.add("S026", field.place, name=".".join(path), why=why)
