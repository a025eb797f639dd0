"""The schema as far as one reader sees it clearly: whoever writes a report can name nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

from app.access.permissions import Access, Visibility
from app.features.reports.rights import (
    Path,
    column_paths,
    line_paths,
    part_paths,
    read_paths,
    steps_of,
)
from app.language.definitions import Entity, Rights, Schema
from app.language.findings import Finding
from app.language.report_definitions import Column, Part, Report
from app.language.source import Place


def narrowed(access: Access) -> Schema:
    """The schema with the entities that the actor may read and the fields that he sees clearly.

    What is left out looks as if it did not exist, in findings and in their hints.
    """
    entities = {
        name: _clear(access, entity)
        for name, entity in access.schema.entities.items()
        if access.entity(name).allows(Rights.READ)
    }
    return replace(access.schema, entities=MappingProxyType(entities), reports=MappingProxyType({}))


def unclear(access: Access, report: Report) -> Iterator[Finding]:
    """What a report names that the actor does not see clearly; it sounds as if it did not exist."""
    for name, path, place in _named(access, report):
        if name not in access.schema.entities or not access.entity(name).allows(Rights.READ):
            yield Finding("S020", place, {"name": name})
            continue
        for step in steps_of(access, name, path):
            if not step.clear:
                yield Finding("S021", place, {"entity": step.entity, "name": step.field})


# Private


def _clear(access: Access, entity: Entity) -> Entity:
    rights = access.entity(entity.name)
    fields = {
        name: field
        for name, field in entity.fields.items()
        if rights.visibility(name) is Visibility.CLEAR
    }
    return replace(entity, fields=MappingProxyType(fields))


def _named(access: Access, report: Report) -> Iterator[tuple[str, Path, Place]]:
    """Every path that a report reads, with the entity that it starts from."""
    for part in report.parts.values():
        yield from _of_part(part, access.schema.portal.tree or "")
    for column in report.columns.values():
        if column.part in report.parts:
            yield from _of_column(report.parts[column.part], column)
    for parameter in report.parameters.values():
        if parameter.type == "link":
            yield parameter.to, (), parameter.place
        if parameter.choices_of:
            yield parameter.choices_of[0], parameter.choices_of[1:], parameter.place


def _of_part(part: Part, tree: str) -> Iterator[tuple[str, Path, Place]]:
    yield part.entity, (), part.place
    for path in (*part_paths(part), *((name,) for name in part.shows)):
        yield part.entity, path, part.place
    for key in part.by.values():
        for path in read_paths(key.above):
            yield tree, path, key.place
    for column in part.values.values():
        yield from _of_column(part, column)


def _of_column(part: Part, column: Column) -> Iterator[tuple[str, Path, Place]]:
    if not column.of:
        for path in column_paths(column, part):
            yield part.entity, path, column.place
        return
    for path in (*column_paths(column), column.of[1:]):
        yield column.of[0], path, column.place
    for path in line_paths(column):
        yield part.entity, path, column.place
