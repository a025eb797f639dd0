"""The ledger of consents: where it is kept that somebody agreed to something, and what he read before he did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.kernel.messages import Label
from app.language.reading import Keys, good_name
from app.language.source import Place

# The link by which a record about a person names himself.
ITSELF = "id"


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that one may agree to: the notice in force, and how it goes without."""

    name: str
    edition: str
    notice: Label
    instead: Label
    place: Place


@dataclass(frozen=True, slots=True)
class Consents:
    """The entity that holds consents, and what its fields are called."""

    entity: str
    person: str
    topic: str
    edition: str
    given: str
    withdrawn: str
    topics: Mapping[str, Topic]
    place: Place


@dataclass(frozen=True, slots=True)
class Needed:
    """What a value needs before it is written: consent to ``topic`` of the person behind ``link``."""

    topic: str
    link: str


def read_consents(keys: Keys) -> Consents | None:
    """The block ``consents`` of the portal file."""
    node = keys.node("consents")
    inner = keys.sub(keys.place_of("consents"), node, "consents") if node is not None else None
    if inner is None:
        return None
    found = Consents(
        entity=inner.text("entity", required=True),
        person=inner.text("person", required=True),
        topic=inner.text("topic", required=True),
        edition=inner.text("edition", required=True),
        given=inner.text("given", required=True),
        withdrawn=inner.text("withdrawn", required=True),
        topics=MappingProxyType({one.name: one for one in _topics(inner)}),
        place=inner.place,
    )
    inner.done()
    return found


# Private


def _topics(keys: Keys) -> list[Topic]:
    found: list[Topic] = []
    for name, (place, node) in keys.table("topics", required=True).items():
        inner = keys.sub(place, node, name)
        if inner is None or not good_name(name, place, keys.findings):
            continue
        found.append(
            Topic(
                name=name,
                edition=inner.text("edition", required=True),
                notice=inner.needed_label("notice"),
                instead=inner.needed_label("instead"),
                place=place,
            )
        )
        inner.done()
    return found
