"""Who may run a report, and which of its figures tell only what the reader may see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.access.permissions import Access, HeldRights, Visibility
from app.kernel.messages import Message, _l
from app.language.definitions import Rights
from app.language.expressions import Expression
from app.language.paths import link_target
from app.language.report_definitions import LINE, PARAM, Column, Key, Part, Report

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A field on the way of a path: where it is read, and which of the reading grants show it clearly.

    A row counts for a figure only where one of ``clear`` covers it, so that nothing can be
    counted by, grouped by or chosen by what is hidden or masked.
    """

    prefix: Path
    entity: str
    field: str
    readers: tuple[HeldRights, ...]
    clear: tuple[HeldRights, ...]

    @property
    def clear_everywhere(self) -> bool:
        """Whether every grant that reads shows the field clearly."""
        return len(self.clear) == len(self.readers)


def may_run(access: Access, report: Report) -> bool:
    """Whether a role that the actor holds today is one that the report is for."""
    return any(role.name in report.readers for role in access.actor.roles)


def steps_of(access: Access, name: str, path: Path) -> Iterator[Step]:
    """The fields that a path from the entity ``name`` reads, one after the other."""
    for position, field_name in enumerate(path):
        rights = access.entity(name)
        readers = tuple(held for held in rights.held if Rights.READ in held.rights.rights)
        clear = tuple(h for h in readers if rights.visibility(field_name, (h,)) is Visibility.CLEAR)
        yield Step(path[:position], name, field_name, readers, clear)
        field = rights.entity.field(field_name)
        name = (link_target(field, rights.entity) if field is not None else None) or name


def least_seen(access: Access, step: Step) -> Visibility:
    """How a field appears on rows where it is not clear."""
    rights = access.entity(step.entity)
    others = [h for h in step.readers if h not in step.clear]
    return min((rights.visibility(step.field, (h,)) for h in others), default=Visibility.HIDDEN)


def part_paths(part: Part) -> list[Path]:
    """The fields by which a part chooses and groups its rows."""
    paths = [*read_paths(part.where), *part.filters.values(), *(k.path for k in part.by.values())]
    paths += [part.when] if part.when else []
    return [path for path in paths if path[0] not in part.values]


def column_paths(column: Column, part: Part | None = None) -> list[Path]:
    """The fields that a measure reads; names that its part gives are no fields."""
    paths = [*read_paths(column.operand), *read_paths(column.where)]
    return [path for path in paths if part is None or path[0] not in part.values]


def named_values(part: Part, expressions: Iterable[Expression | None]) -> list[Column]:
    """The values of a part that some expressions name."""
    names = [path[0] for e in expressions if e for path in e.names()]
    return [part.values[name] for name in dict.fromkeys(names) if name in part.values]


def withheld_part(access: Access, part: Part) -> Message | None:
    """Why the figures of a part may not be told; None when they may."""
    rights = access.entity(part.entity)
    if not rights.allows(Rights.READ):
        return _l("You may not read %(entity)s.", entity=rights.entity.label)
    return _unseen_values(access, part, [part.where]) or _unseen(
        access, part.entity, part_paths(part)
    )


def withheld_key(access: Access, part: Part, key: Key) -> Message | None:
    """Why a part may not be grouped so; None when it may."""
    tree = access.schema.portal.tree
    above = _unseen(access, tree, read_paths(key.above)) if tree and key.above else None
    return above or _unseen(access, part.entity, [key.path])


def withheld_having(access: Access, report: Report, part: Part) -> Message | None:
    """Why a part's condition over its measures may not choose its groups; None when it may."""
    names = {path[0] for path in part.having.names()} if part.having else set()
    reasons = [
        withheld_column(access, report, c) for c in report.measures(part.name) if c.name in names
    ]
    return next((reason for reason in reasons if reason), None)


def withheld_column(access: Access, report: Report, column: Column) -> Message | None:
    """Why a measure may not be told; None when it may."""
    part = report.parts[column.part]
    return (
        withheld_part(access, part)
        or _unseen_values(access, part, [column.operand, column.where])
        or _unseen(access, part.entity, column_paths(column, part))
    )


def read_paths(expression: Expression | None) -> list[Path]:
    """The fields that an expression over records reads."""
    names = expression.names() if expression else ()
    return [path for path in names if path[0] not in ("actor", PARAM, LINE)]


def line_paths(column: Column) -> list[Path]:
    """The fields of the line itself that a measure over what points at it reads."""
    names = [path for e in (column.operand, column.where) if e for path in e.names()]
    return [*(path[1:] for path in names if path[0] == LINE), *([column.at] if column.at else [])]


def may_take(access: Access, names: Sequence[str], kind: str) -> Message | None:
    """Why a report that tells of records of ``names`` may not leave the house at once; None when it may.

    Figures of places may be taken by whoever may run the report; lines that tell of records need the
    right to export these records, or for a PDF to print them.
    """
    for name in names:
        rights = access.entity(name)
        enough = rights.allows(Rights.EXPORT) or (kind == "pdf" and rights.allows(Rights.PRINT))
        if not enough and may_ask(access, names):
            return _l("You may not take this away at once. Ask for it; a second person decides.")
        if not enough:
            return _l(
                "You may look at this, but not export %(entity)s.", entity=rights.entity.label
            )
    return None


def may_ask(access: Access, names: Sequence[str]) -> bool:
    """Whether the actor may ask for a report that tells of records of ``names`` as a file."""
    rights = [access.entity(name) for name in names]
    asks = [one.asks(Rights.EXPORT) for one in rights]
    return any(asks) and all(
        one.allows(Rights.EXPORT) or ask for one, ask in zip(rights, asks, strict=True)
    )


# Private


def _unseen_values(
    access: Access, part: Part, expressions: Iterable[Expression | None]
) -> Message | None:
    """Why the values that a part names may not be used in some expressions; None when they may."""
    for value in named_values(part, expressions):
        there = access.entity(value.of[0])
        if not there.allows(Rights.READ):
            return _l("You may not read %(entity)s.", entity=there.entity.label)
        paths = [*column_paths(value), value.of[1:]]
        hidden = _unseen(access, value.of[0], paths) or _unseen(
            access, part.entity, line_paths(value)
        )
        if hidden is not None:
            return hidden
    return None


def _unseen(access: Access, name: str, paths: Iterable[Path]) -> Message | None:
    for path in paths:
        for step in steps_of(access, name, path):
            if not step.clear:
                entity = access.schema.entities[step.entity]
                field = entity.field(step.field)
                return _l("You do not see “%(field)s” of %(entity)s clearly.",
                          field=field.label if field else step.field, entity=entity.label)  # fmt: skip
    return None
