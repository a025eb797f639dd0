"""The register of processing as a page, to read and to print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import render_template
from flask_appbuilder import BaseView, expose

from app.features.privacy import register as facts
from app.features.privacy.register import Holding, Processing, Reach
from app.features.rights.book_pages import edition
from app.kernel.errors import NotFound
from app.kernel.messages import Label, Message, _l
from app.language.portal_definitions import DataClass
from app.language.subjects import basis_of
from app.web.contexts import Crumb, MenuEntry, MenuGroup
from app.web.locale import say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in

ADDRESS = "/privacy/register"
HEADS: Mapping[str, Message] = {
    facts.CLEAR: _l("See it in clear"),
    facts.MASK: _l("See it masked"),
    facts.REVEAL: _l("May uncover it"),
    facts.EXPORT: _l("May take it along"),
}


@dataclass(frozen=True, slots=True)
class Held:
    """The fields of one kind of record, whose they are, and the roles under each head."""

    label: str
    fields: str
    whose: str
    reached: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A class: what is to be said of it, and where it is held."""

    name: str
    label: str
    facts: tuple[tuple[str, str], ...]
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class RegisterContext:
    """``privacy/register.html``"""

    title: str
    edition: str
    heads: tuple[str, ...]
    parts: tuple[Part, ...]
    breadcrumbs: tuple[Crumb, ...]


class ProcessingView(BaseView):
    """What is held of people, on one page."""

    route_base = "/privacy"

    @expose("/register")
    @signed_in
    def register(self) -> Any:
        """Every class with its purpose, where it is held, and who sees it."""
        here = scope()
        if not facts.may_read(here.actor):
            raise NotFound
        title = say(_l("Register of processing"), here.language)
        page = RegisterContext(
            title,
            edition(here),
            tuple(say(head, here.language) for head in HEADS.values()),
            tuple(_part(here, one) for one in facts.register_of(here.schema)),
            (Crumb(title),),
        )
        return render_template("privacy/register.html", page=page)


def register(portal: Portal) -> None:
    """Add the page, and the way to it."""
    portal.add_pages(ProcessingView)
    portal.add_menu(_menu)


# Private


def _menu(here: Scope, path: str) -> MenuGroup | None:
    if not facts.may_read(here.actor):
        return None
    title, active = say(_l("Register of processing"), here.language), path == ADDRESS
    entry = MenuEntry(title, ADDRESS, "clipboard-list", active)
    return MenuGroup(say(_l("Administration"), here.language), "settings", (entry,), active)


def _part(here: Scope, one: Processing) -> Part:
    return Part(
        one.known.name,
        one.known.label.text(here.language),
        tuple(
            (say(name, here.language), say(text, here.language)) for name, text in _facts(here, one)
        ),
        tuple(_held(here, held, counted=one.known.open) for held in one.holdings),
    )


def _facts(here: Scope, one: Processing) -> Iterator[tuple[Message, Message | Label]]:
    known = one.known
    yield _l("Purpose"), known.purpose
    yield _l("Legal basis"), basis_of(here.schema.portal, known)
    yield _l("Kept"), _kept(known.keep_months, known.must_keep_months)
    if known.open:
        yield _l("Seen by"), _l("whoever may read the record")
    else:
        yield _l("Separate consent"), _consent(here, known)
        yield _l("Masked"), facts.MASKED[known.mask]
        yield _l("Encrypted at rest"), _encrypted(one)


def _consent(here: Scope, known: DataClass) -> Message:
    asked = facts.consented(here.schema, known)
    if asked is None:
        return _l("Not asked for")
    topic, edition = asked
    return _l("%(topic)s, by the notice of edition %(edition)s", topic=topic, edition=edition)


def _kept(months: int | None, must: int | None) -> Message:
    if months is None and must is None:
        return _l("with the record")
    if must is None:
        return _l("%(months)s months after the purpose has ended", months=months)
    if months is None:
        return _l(
            "with the record; the law has it kept %(must)s months after the purpose has ended",
            must=must,
        )
    return _l(
        "%(months)s months after the purpose has ended; the law has it kept %(must)s months",
        months=max(months, must), must=must,
    )  # fmt: skip


def _encrypted(one: Processing) -> Message | Label:
    fields = [field for held in one.holdings for field in held.fields]
    plain = facts.unencrypted(one)
    if not fields:
        return Label("–", "–")
    if not plain:
        return _l("Yes")
    if len(plain) == len(fields):
        return _l("No")
    return _l("Yes, but for: %(fields)s", fields=_listed(field.label for field in plain))


def _listed(labels: Iterable[Label]) -> Label:
    found = list(dict.fromkeys(labels))
    return Label("、".join(one.zh for one in found), ", ".join(one.en for one in found))


def _held(here: Scope, one: Holding, *, counted: bool) -> Held:
    """``counted`` for classes of which there are too many fields to be named."""
    language = here.language
    names = _listed(field.label for field in one.fields)
    count = _l("fields: %(count)s", count=len(one.fields))
    return Held(
        one.entity.label.text(language),
        say(count if counted else names, language),
        one.subject.label.text(language) if one.subject is not None else "–",
        tuple(
            (say(head, language), _roles(here, one.reached[way], counted=counted))
            for way, head in HEADS.items()
        ),
    )


def _roles(here: Scope, reached: Iterable[Reach], *, counted: bool) -> str:
    """The roles, each with the fields that it reaches, as far as there are others, and what else limits it."""
    zh = here.language == "zh"
    found = []
    for one in reached:
        named = _listed(one.fields).text(here.language)
        some = say(_l("fields: %(count)s", count=len(one.fields)), here.language)
        limits = [some if counted else named] if one.fields else []
        limits += [say(_l("some records"), here.language)] if one.some_rows else []
        limits += [say(_l("on request"), here.language)] if one.asks else []
        told = ("；" if zh else "; ").join(limits)
        bracketed = (f"（{told}）" if zh else f" ({told})") if told else ""
        found.append(f"{one.role.text(here.language)}{bracketed}")
    return ("、" if zh else ", ").join(found) or "–"
