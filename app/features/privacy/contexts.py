"""What the page about a person's data receives: texts are already in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from app.web.contexts import Crumb, Option


@dataclass(frozen=True, slots=True)
class HeldField:
    """A field with why it is held, how long, and how the reader sees it."""

    label: str
    kind: str
    purpose: str
    basis: str
    kept: str
    seen: str


@dataclass(frozen=True, slots=True)
class HeldPart:
    """The personal fields of one kind of record."""

    label: str
    fields: tuple[HeldField, ...]


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that the reader may do, with a reason; ``tone`` is that of its button."""

    url: str
    name: str
    label: str
    help: str
    tone: str = ""
    problem: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ConsentCard:
    """A topic with its notice and how the person stands to it; the addresses are set for himself alone."""

    name: str
    label: str
    notice: str
    edition: str
    standing: str
    badge: str
    tone: str
    give_url: str = ""
    withdraw_url: str = ""


@dataclass(frozen=True, slots=True)
class SubjectContext:
    """``privacy/subject.html``."""

    title: str
    intro: str
    hold: str
    parts: tuple[HeldPart, ...]
    deeds: tuple[Deed, ...]
    correctable: tuple[Option, ...]
    correct_url: str
    consents: tuple[ConsentCard, ...]
    breadcrumbs: tuple[Crumb, ...]
