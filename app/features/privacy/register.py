"""The register of processing as values: what is held of people, why, how long, and which roles see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.access.actor import Actor, Grant
from app.access.permissions import EntityAccess, HeldRights, Visibility, rule_of
from app.kernel.messages import Label, Message, _l
from app.language.definitions import Entity, Field, Rights, Role, Schema
from app.language.portal_definitions import DataClass
from app.language.subjects import UNSTORED, below

CLEAR, MASK, REVEAL, EXPORT = WAYS = ("clear", "mask", "reveal", "export")
READERS = ("accounts", "roles", "trail")
# What a mask leaves of a value, with an example.
MASKED: Mapping[str, Message] = {
    "phone": _l("all but the first three and the last four characters, such as 138****0001"),
    "id_card": _l("all but the first three and the last four characters, such as 110***********002X"),
    "tail": _l("all but the last four characters, such as ****0001"),
    "name": _l("all but the first character, such as 王*"),
    "all": _l("all of it"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reach:
    """A role that does something with fields: ``fields`` are empty for all of them.

    ``some_rows`` when a condition chooses its rows, such as one's own; ``asks`` when a second person decides.
    """

    role: Label
    fields: tuple[Label, ...]
    some_rows: bool
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """The fields of an entity that are held under a class, whose they are, and which roles reach them by ``WAYS``."""

    entity: Entity
    fields: tuple[Field, ...]
    subject: Entity | None
    reached: Mapping[str, tuple[Reach, ...]]


@dataclass(frozen=True, slots=True)
class Processing:
    """A class with where it is held."""

    known: DataClass
    holdings: tuple[Holding, ...]


def may_read(actor: Actor) -> bool:
    """Whether an actor may read the register: whoever looks after accounts and roles, or audits."""
    return any(actor.administers(part) for part in READERS)


def register_of(schema: Schema) -> Iterator[Processing]:
    """Every class in the order of the portal file, with what it is for and where it is held.

    It holds what the law asks of such a register: kinds, purposes, recipients, storage, measures (Personal
    Information Protection Law, Art. 51, 54 to 56; in the form of GDPR Art. 30).
    """
    whose = _whose(schema)
    for known in schema.portal.classes.values():
        yield Processing(known, tuple(_holdings(schema, known, whose)))


def consented(schema: Schema, known: DataClass) -> tuple[Label, str] | None:
    """To what a person has to agree before such values are held, and which notice is in force; None for nothing."""
    ledger = schema.portal.consents
    topic = ledger.topics.get(known.consent) if ledger is not None and known.consent else None
    if ledger is None or topic is None:
        return None
    field = schema.entities[ledger.entity].field(ledger.topic)
    choice = field.choice(topic.name) if field is not None else None
    return choice.label if choice else Label(topic.name, topic.name), topic.edition


def unencrypted(processing: Processing) -> list[Field]:
    """The fields whose values can be read in the database itself."""
    return [field for one in processing.holdings for field in one.fields if not field.encrypted]


# Private


def _whose(schema: Schema) -> Mapping[str, Entity]:
    """The persons whom the records of an entity are about: who has to agree, who stands above, or themselves."""
    persons = [one for one in schema.entities.values() if one.subject is not None]
    found = {
        one.name: schema.entities[str(one.fields[field.consent.link].target)]
        for one in schema.entities.values()
        for field in one.fields.values()
        if field.consent is not None and field.consent.link in one.fields
    }
    found |= {one.name: person for person in persons for one, _, _ in below(schema, person)}
    return {**found, **{person.name: person for person in persons}}


def _holdings(schema: Schema, known: DataClass, whose: Mapping[str, Entity]) -> Iterator[Holding]:
    for entity in schema.entities.values():
        fields = tuple(
            one
            for one in entity.fields.values()
            if one.data_class == known.name and one.type not in UNSTORED
        )
        if fields:
            reached = [
                pair
                for role in schema.roles.values()
                for pair in _reached(schema, role, entity, fields)
            ]
            by_way = {way: tuple(one for said, one in reached if said == way) for way in WAYS}
            yield Holding(entity, fields, whose.get(entity.name), by_way)


def _reached(
    schema: Schema, role: Role, entity: Entity, fields: Sequence[Field]
) -> Iterator[tuple[str, Reach]]:
    """In which ways a role reaches fields, wherever it is held."""
    rights, grant = role.may.get(entity.name), Grant(role, ())
    if rights is None:
        return
    rule = rule_of(grant, entity)
    access = EntityAccess(schema, entity, (HeldRights(grant, entity, rights, rule),))
    clear = [one for one in fields if access.visibility(one.name) is Visibility.CLEAR]
    exports, asks = access.allows(Rights.EXPORT), access.asks(Rights.EXPORT)
    found = {
        CLEAR: clear,
        MASK: [one for one in fields if access.visibility(one.name) is Visibility.MASKED],
        REVEAL: [one for one in fields if access.may_reveal(one.name)],
        EXPORT: clear if exports or asks else [],
    }
    for way, those in found.items():
        if those:
            named = () if len(those) == len(fields) else tuple(one.label for one in those)
            some = rule.kind == "condition"
            yield way, Reach(role.label, named, some, asks=asks and way == EXPORT)
