"""Compiles a folder of YAML into a Schema, or says everything that is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.language.checks.classes import check_classes
from app.language.checks.consents import check_consents
from app.language.checks.context import Context
from app.language.checks.dashboards import check_dashboards
from app.language.checks.entities import check_entities
from app.language.checks.fields import check_fields
from app.language.checks.portals import check_portal, check_roles
from app.language.checks.reminders import check_reminders
from app.language.checks.reports import check_reports
from app.language.consents import ITSELF, Needed
from app.language.dashboards import read_dashboard
from app.language.data_classes import classified
from app.language.definitions import Choice, Entity, Field, Role, Schema
from app.language.entities import read_entity
from app.language.field_types import ENCRYPTED_TYPES
from app.language.findings import Findings, SchemaInvalid
from app.language.overlay import PREFIX, Overlay, overlaid, read_overlay
from app.language.portal_definitions import Portal
from app.language.portals import read_portal, read_role
from app.language.reading import Keys
from app.language.reminders import read_reminder
from app.language.reports import read_report
from app.language.source import MAX_BYTES, Place, read_yaml
from app.language.source import Mapping as YamlMapping

MAX_FILES = 500

CHECKS = (check_portal, check_classes, check_fields, check_entities, check_consents, check_roles)

# The first key of a file says what it declares; each kind but the portal's is named and many.
READERS: Mapping[str, Callable[[Keys], Any]] = MappingProxyType(
    {
        "entity": read_entity,
        "role": read_role,
        "report": read_report,
        "reminder": read_reminder,
        "dashboard": read_dashboard,
    }
)


def compile_schema(folder: Path) -> Schema:
    """The schema in ``folder`` (all ``*.yaml`` below it); raises SchemaInvalid with every finding."""
    findings = Findings()
    sources = dict(_read_files(folder, findings))
    return _compile(sources, findings)


def compile_sources(sources: Mapping[str, str]) -> Schema:
    """The schema from texts by file name; raises SchemaInvalid with every finding."""
    return _compile(sources, Findings())


# Private


def _compile(sources: Mapping[str, str], findings: Findings) -> Schema:
    reader = _Reader(findings)
    for file, text in sources.items():
        reader.read(file, text)
    if not reader.portals and not len(findings):
        findings.add("S014", Place("portal.yaml", 1))
    if not reader.portals:
        raise SchemaInvalid(findings.all())
    portal = reader.portals[0]
    named: dict[str, dict[str, Any]] = reader.named
    entities = classified(portal, _with_system(portal, named["entity"], named["role"], findings))
    if reader.overlays:
        named["role"] = overlaid(named["role"], entities, reader.overlays, findings)
        if portal.tree in entities:
            assignment = entities["role_assignment"]
            entities["role_assignment"] = _fitted(assignment, portal, named["role"])
    entities = _consented(portal, _encrypted(portal, _placed_in_modules(portal, entities)))
    context = Context(portal, entities, named["role"], findings)
    for check in CHECKS:
        check(context)
    check_reports(context, named["report"])
    check_reminders(context, named["reminder"])
    check_dashboards(context, named["dashboard"], named["report"])
    if len(findings):
        raise SchemaInvalid(findings.all())
    return Schema(
        portal=portal,
        entities=MappingProxyType(entities),
        roles=MappingProxyType(named["role"]),
        reports=MappingProxyType(named["report"]),
        reminders=MappingProxyType(named["reminder"]),
        dashboards=MappingProxyType(named["dashboard"]),
        digest=_digest(sources),
        sources=MappingProxyType(dict(sources)),
    )


class _Reader:
    """Reads files into parts and notes what is defined twice."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.portals: list[Portal] = []
        self.overlays: list[Overlay] = []
        self.named: dict[str, dict[str, Any]] = {kind: {} for kind in READERS}

    def read(self, file: str, text: str) -> None:
        if "\x00" in text:
            self.findings.add("S001", Place(file, 1), why="NUL")
            return
        node = read_yaml(text, file, self.findings.add)
        if node is None:
            return
        kind = next(iter(node.entries), "") if isinstance(node, YamlMapping) else ""
        if isinstance(node, YamlMapping) and kind == "overlay" and file.startswith(PREFIX):
            overlay = read_overlay(Keys(node, self.findings))
            self.overlays += [overlay] if overlay is not None else []
            return
        if not isinstance(node, YamlMapping) or kind not in ("portal", *READERS):
            self.findings.add("S006", node.place)
            return
        keys = Keys(node, self.findings)
        if kind == "portal":
            portal = read_portal(keys)
            self._twice(portal.name, portal.place, self.portals[0] if self.portals else None)
            self.portals.append(portal)
            return
        thing, known = READERS[kind](keys), self.named[kind]
        if thing is not None:
            self._twice(thing.name, thing.place, known.get(thing.name))
            known[thing.name] = thing

    def _twice(self, name: str, place: Place, other: Any) -> None:
        if other is not None:
            self.findings.add("S013", place, name=name, other=other.place)


def _read_files(folder: Path, findings: Findings) -> Iterator[tuple[str, str]]:
    if not folder.is_dir():
        findings.add("S001", Place(folder.name, 1), why="no such folder")
        return
    paths = sorted(path for path in folder.rglob("*.yaml") if path.is_file())[:MAX_FILES]
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            with path.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
            yield name, content.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            findings.add("S001", Place(name, 1), why=getattr(error, "strerror", None) or "UTF-8")


def _with_system(
    portal: Portal, entities: dict[str, Entity], roles: Mapping[str, Role], findings: Findings
) -> dict[str, Entity]:
    """Add the entities that every portal has: accounts, and roles held at places."""
    found = dict(entities)
    names = ["account", "audit_entry"]
    names += ["role_assignment"] if portal.tree in entities else []
    for name in names:
        if name in found:
            findings.add("S012", found[name].place, name=name)
        text = resources.files("app.language").joinpath("system", f"{name}.yaml").read_text("utf-8")
        node = read_yaml(text, f"system/{name}.yaml", findings.add)
        entity = (
            read_entity(Keys(node, findings), system=True)
            if isinstance(node, YamlMapping)
            else None
        )
        if entity is not None:
            found[name] = entity
    if "role_assignment" in names:
        found["role_assignment"] = _fitted(found["role_assignment"], portal, roles)
    return found


def _fitted(assignment: Entity, portal: Portal, roles: Mapping[str, Role]) -> Entity:
    fields: dict[str, Field] = dict(assignment.fields)
    fields["held_at"] = replace(
        fields["held_at"], options={**fields["held_at"].options, "to": portal.tree}
    )
    choices = tuple(Choice(role.name, role.label) for role in roles.values())
    fields["role"] = replace(fields["role"], choices=choices)
    return replace(assignment, fields=MappingProxyType(fields))


def _encrypted(portal: Portal, entities: Mapping[str, Entity]) -> dict[str, Entity]:
    """The entities whose fields know whether their class is kept encrypted."""
    classes = {name for name, one in portal.classes.items() if one.encrypt}
    found = dict(entities)
    for name, entity in entities.items():
        touched = {
            key: replace(field, encrypted=True)
            for key, field in entity.fields.items()
            if field.type == "secret"
            or (field.sensitivity in classes and field.type in ENCRYPTED_TYPES)
        }
        if touched:
            found[name] = replace(entity, fields=MappingProxyType({**entity.fields, **touched}))
    return found


def _consented(portal: Portal, entities: Mapping[str, Entity]) -> dict[str, Entity]:
    """The entities whose fields know to what whom has to agree before they are filled in."""
    topics = {name: one.consent for name, one in portal.classes.items() if one.consent}
    found = dict(entities)
    for name, entity in entities.items():
        touched: dict[str, Field] = {}
        for key, field in entity.fields.items():
            topic = topics.get(field.sensitivity or "")
            link = _link_to_person(portal, entity, field) if topic is not None else None
            if topic is not None and link is not None:
                touched[key] = replace(field, consent=Needed(topic, link))
        if touched:
            found[name] = replace(entity, fields=MappingProxyType({**entity.fields, **touched}))
    return found


def _link_to_person(portal: Portal, entity: Entity, field: Field) -> str | None:
    """The link that a field names; the record itself if it is the person; or the only required link to one."""
    if field.whose is not None:
        return field.whose
    if entity.name == portal.person_entity:
        return ITSELF
    links = [
        one.name
        for one in entity.fields.values()
        if one.type == "link" and one.required and one.target == portal.person_entity
    ]
    return links[0] if len(links) == 1 else None


def _placed_in_modules(portal: Portal, entities: Mapping[str, Entity]) -> dict[str, Entity]:
    module_of = {name: module.name for module in portal.modules for name in module.entities}
    return {
        name: replace(entity, module=module_of.get(name, "")) for name, entity in entities.items()
    }


def _digest(sources: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(sources):
        for part in (name, sources[name]):
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
