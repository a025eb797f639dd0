"""What surrounds every page: menu, languages, account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from flask import current_app, g, request
from flask_wtf.csrf import generate_csrf

from app.kernel.errors import ToBeDecided
from app.kernel.messages import Message
from app.language.definitions import Entity, Rights
from app.records.queries import Row
from app.records.showing import Watch
from app.web import contexts
from app.web.locale import LANGUAGES, datetime_text, say
from app.web.marks import mark_for
from app.web.state import Scope

ADDITIONS = "portal_additions"
FAILED = "portal_failed"
SHOWN = "portal_shown"

MenuAddition = Callable[[Scope, str], "contexts.MenuGroup | None"]
# What waits for the reader: the address of the page that shows it, and how much it is.
Bell = Callable[[Scope], tuple[str, int]]
# What needs the reader today, above what the schema says.
Waiting = Callable[[Scope], "contexts.AgendaView | None"]
# What is to be said on the page of a record.
Notes = Callable[[Scope, Entity, int], "tuple[contexts.RecordNote, ...]"]
# Where else to go from the page of a record.
Links = Callable[[Scope, Row], "Iterable[contexts.PageLink]"]
# Where a deed goes that a second person has to decide: with a reason it is asked for, without one
# the address of the form that asks for the reason is given, unless a guard held the deed back.
Hold = Callable[[Scope, ToBeDecided, str | None], str]
# Makes whoever hears what is about to be shown to a reader, and raises to keep it.
Watcher = Callable[[Scope], Watch]
MOST_COUNTED = 99


@dataclass
class Additions:
    """What features add around every page."""

    menus: list[MenuAddition] = field(default_factory=list)
    account_links: list[tuple[Message, str]] = field(default_factory=list)
    bell: Bell | None = None
    waiting: list[Waiting] = field(default_factory=list)
    notes: list[Notes] = field(default_factory=list)
    links: list[Links] = field(default_factory=list)
    hold: Hold | None = None
    watcher: Watcher | None = None


def shell(here: Scope) -> contexts.Shell:
    """The shell of the current page for its reader."""
    bell_url, waiting = _bell(here)
    return contexts.Shell(
        portal=here.schema.portal.label.text(here.language),
        language=here.language,
        languages=tuple(
            contexts.LanguageChoice(code, name, f"/lang/{code}", code == here.language)
            for code, name in LANGUAGES.items()
        ),
        theme="auto",
        account=here.actor.name if here.known else "",
        roles=("、" if here.language == "zh" else ", ").join(
            role.label.text(here.language) for role in here.actor.roles
        ),
        menu=tuple(menu(here)) if here.known else (),
        assets="",
        csrf_token=generate_csrf(),
        drawn=mark_for(here),
        search_url="/search/",
        path=_path(),
        account_links=tuple(
            contexts.Crumb(say(label, here.language), url)
            for label, url in _additions().account_links
        ),
        watermark=watermark(here),
        printable=printable(here),
        bell_url=bell_url,
        bell_count=f"{MOST_COUNTED}+" if waiting > MOST_COUNTED else str(waiting or ""),
    )


def _path() -> str:
    """Where a switch of the language comes back to: this page, when there is one."""
    shown = request.method == "GET" and not g.get(FAILED, False)
    return request.full_path.rstrip("?") if shown else "/"


def waiting(here: Scope) -> tuple[contexts.AgendaView, ...]:
    """What features say needs the reader today."""
    found = (addition(here) for addition in _additions().waiting)
    return tuple(view for view in found if view is not None)


def notes_on(here: Scope, entity: Entity, record_id: int) -> tuple[contexts.RecordNote, ...]:
    """What features say on the page of a record."""
    return tuple(one for notes in _additions().notes for one in notes(here, entity, record_id))


def links_on(here: Scope, row: Row) -> tuple[contexts.PageLink, ...]:
    """Where features lead from the page of a record."""
    return tuple(one for links in _additions().links for one in links(here, row))


def holder() -> Hold | None:
    """Where deeds go that a second person has to decide; None without such a feature."""
    return _additions().hold


def menu(here: Scope) -> Iterable[contexts.MenuGroup]:
    """The modules with the entities that the actor may read."""
    current = request.path.split("/")[1]
    for module in here.schema.portal.modules:
        if not module.enabled:
            continue
        entries = tuple(
            contexts.MenuEntry(
                entity.label.plural(here.language), f"/{name}/list/", entity.icon, name == current
            )
            for name in module.entities
            if (entity := here.schema.entities[name]).in_menu
            and here.access.entity(name).allows(Rights.READ)
        )
        if entries:
            active = any(entry.active for entry in entries)
            yield contexts.MenuGroup(module.label.text(here.language), module.icon, entries, active)
    yield from _added(here)


def _added(here: Scope) -> Iterable[contexts.MenuGroup]:
    """The groups of features; those of one name are one group."""
    found: dict[str, contexts.MenuGroup] = {}
    for addition in _additions().menus:
        group = addition(here, request.path)
        if group is None:
            continue
        known = found.get(group.label, replace(group, entries=(), active=False))
        entries, active = (*known.entries, *group.entries), known.active or group.active
        found[group.label] = replace(known, entries=entries, active=active)
    return found.values()


def shows(*names: str) -> None:
    """Say that the page tells of records of these entities, beside those that its address names."""
    g.setdefault(SHOWN, {}).update(dict.fromkeys(names))


def printable(here: Scope) -> bool:
    """Whether the reader may put the page on paper: his roles say so for every kind of record on it."""
    names = [entity.name for entity in _shown(here)]
    return all(here.access.entity(name).allows(Rights.PRINT) for name in names)


def watermark(here: Scope) -> str:
    """Who looks and when, on pages of records that are looked at within a budget; on paper as well."""
    watched = any(entity.viewing is not None for entity in _shown(here))
    if not watched or here.known is None:
        return ""
    runtime = here.state.runtime
    return f"{here.actor.name} {here.actor.username} {datetime_text(runtime.clock.now(), runtime.zone)}"


def _shown(here: Scope) -> list[Entity]:
    """The kinds of records that the page is about."""
    names = [request.path.split("/")[1], *g.get(SHOWN, ())]
    return [here.schema.entities[name] for name in names if name in here.schema.entities]


def _bell(here: Scope) -> tuple[str, int]:
    """The bell of a whole page; a part of a page has none, so nobody counts for it."""
    bell = _additions().bell
    part = request.headers.get("HX-Request") and not request.headers.get("HX-Boosted")
    return bell(here) if bell is not None and here.known and not part else ("", 0)


def _additions() -> Additions:
    found: Additions = current_app.extensions[ADDITIONS]
    return found
