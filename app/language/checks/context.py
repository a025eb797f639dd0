"""What every check needs: the parts read so far and where to note faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.kernel.messages import Label
from app.kernel.registry import nearest
from app.language import kinds
from app.language.definitions import SYSTEM_FIELDS, Entity, Field, Role
from app.language.expressions import Expression, ExpressionFault
from app.language.findings import Findings
from app.language.paths import path_kind
from app.language.portal_definitions import Portal
from app.language.source import Place


@dataclass(frozen=True)
class Context:
    """The whole schema before it is declared good."""

    portal: Portal
    entities: Mapping[str, Entity]
    roles: Mapping[str, Role]
    findings: Findings

    def entity(self, name: str | None, place: Place) -> Entity | None:
        """The entity of that name; a fault when there is none."""
        found = self.entities.get(name or "")
        if found is not None:
            return found
        hint = self.findings.did_you_mean(nearest(name or "", self.entities))
        self.findings.add("S020", place, hint=hint, name=name)
        return None

    def field(self, entity: Entity, name: str, place: Place) -> Field | None:
        """The field of that name; a fault when there is none."""
        field = entity.field(name)
        if field is None:
            hint = self.findings.did_you_mean(nearest(name, [*entity.fields, *SYSTEM_FIELDS]))
            self.findings.add("S021", place, hint=hint, entity=entity.name, name=name)
        return field

    def fields(self, entity: Entity, names: Iterable[str], place: Place) -> list[Field]:
        """The fields of those names, with a fault for each that is missing."""
        found = [self.field(entity, name, place) for name in names]
        return [field for field in found if field is not None]

    def condition(
        self,
        expression: Expression | None,
        entity: Entity,
        wanted: str = kinds.YES_NO,
        *,
        form: Entity | None = None,
    ) -> None:
        """Note a fault when a condition over ``entity`` does not give ``wanted``."""
        self.typed(
            expression,
            lambda path: path_kind(self.entities, self.portal, entity, path, form=form),
            wanted,
        )

    def typed(self, expression: Expression | None, names: kinds.NameKind, wanted: str) -> str:
        """The kind of an expression over ``names``, empty after a fault; a fault when it is not ``wanted``."""
        if expression is None:
            return ""
        try:
            kind = kinds.kind_of(expression.tree, names)
        except kinds.UnknownPath as fault:
            hint = self.findings.did_you_mean(fault.nearest)
            self.findings.add("S031", expression.place, hint=hint, name=".".join(fault.path))
            return ""
        except ExpressionFault as fault:
            self.findings.add("S032", expression.place, why=Label(fault.why_zh, str(fault)))
            return ""
        if not kinds.fits(kind, wanted):
            name = wanted.removeprefix(kinds.LINK)
            self.findings.add(
                "S033", expression.place, kind=Label(kinds.KIND_NAMES_ZH.get(wanted, name), name)
            )
        return kind
