"""What the builder offers: the entities, and their fields across at most one link, that a reader sees clearly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from app.kernel.messages import Label
from app.language import kinds
from app.language.definitions import Choice, Entity, Field, Schema
from app.language.kinds import UnknownPath
from app.language.paths import link_target
from app.language.report_shapes import NUMBERS, path_shape

SYSTEM = ("created_at", "created_by", "updated_at")
DATES = ("date", "datetime", "month")
ORDERED = (kinds.NUMBER, kinds.DATE, kinds.DATETIME, kinds.TIME)


@dataclass(frozen=True, slots=True)
class Offer:
    """A field that may be chosen; ``via`` is the link that leads to it, ``shape`` its type of value."""

    path: str
    label: Label
    shape: str
    kind: str
    via: Label | None = None
    target: str = ""
    choices: tuple[Choice, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether it can be added up."""
        return self.shape in NUMBERS

    @property
    def is_date(self) -> bool:
        """Whether it lies in a period."""
        return self.shape in DATES

    @property
    def is_ordered(self) -> bool:
        """Whether it has a smallest and a largest value."""
        return self.kind in ORDERED

    @property
    def whole(self) -> Label:
        """Its label with the link that leads to it."""
        if self.via is None:
            return self.label
        return Label(f"{self.via.zh}\u00b7{self.label.zh}", f"{self.via.en} \u00b7 {self.label.en}")


@dataclass(frozen=True)
class Offers:
    """The fields of one entity of a schema that holds only what its reader sees clearly."""

    schema: Schema
    entity: str

    @cached_property
    def fields(self) -> dict[str, Offer]:
        """The offered fields by their path, the entity's own first."""
        entity = self.schema.entities.get(self.entity)
        if entity is None:
            return {}
        own = {one.path: one for one in self._of(entity, (), None)}
        found = dict(own)
        for name, one in own.items():
            target = self.schema.entities.get(one.target)
            if target is not None:
                found |= {two.path: two for two in self._of(target, (name,), one.label)}
        return found

    @property
    def has_place(self) -> bool:
        """Whether its records lie at places of the tree, so that a reader can choose one."""
        entity = self.schema.entities.get(self.entity)
        tree = self.schema.portal.tree
        return bool(entity and tree in self.schema.entities and entity.scope)

    # Private

    def _of(self, entity: Entity, before: tuple[str, ...], via: Label | None) -> Iterator[Offer]:
        names = [*entity.fields, *(SYSTEM if not before else ())]
        for name in names:
            field = entity.field(name)
            offer = self._offer(entity, field, before, via) if field is not None else None
            if offer is not None:
                yield offer

    def _offer(
        self, entity: Entity, field: Field, before: tuple[str, ...], via: Label | None
    ) -> Offer | None:
        start = self.schema.entities[self.entity]
        path = (*before, field.name)
        try:
            shape = path_shape(self.schema.entities, start, path)
        except (UnknownPath, KeyError):
            return None
        if not shape.condition_kind:
            return None
        found = shape.field or field
        target = shape.target if link_target(field, entity) else ""
        return Offer(
            ".".join(path),
            field.label,
            shape.kind,
            shape.condition_kind,
            via,
            target,
            found.choices,
        )


def entities_of(schema: Schema) -> list[Entity]:
    """The entities that a report can be about, in the order of the menu."""
    off = {module.name for module in schema.portal.modules if not module.enabled}
    order = {name: at for at, name in enumerate(m.name for m in schema.portal.modules)}
    found = [e for e in schema.entities.values() if e.module not in off]
    return sorted(found, key=lambda entity: order.get(entity.module, len(order)))
