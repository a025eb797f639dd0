"""What surrounds every page: menu, languages, account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from flask import current_app, request
from flask_wtf.csrf import generate_csrf

from app.kernel.messages import Message
from app.language.definitions import Rights
from app.web import contexts
from app.web.locale import LANGUAGES, say
from app.web.state import Scope

ADDITIONS = "portal_additions"

MenuAddition = Callable[[Scope, str], "contexts.MenuGroup | None"]
# What waits for the reader: the address of the page that shows it, and how much it is.
Bell = Callable[[Scope], tuple[str, int]]
MOST_COUNTED = 99


@dataclass
class Additions:
    """What features add around every page."""

    menus: list[MenuAddition] = field(default_factory=list)
    account_links: list[tuple[Message, str]] = field(default_factory=list)
    bell: Bell | None = None


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
        search_url="/search/",
        account_links=tuple(
            contexts.Crumb(say(label, here.language), url)
            for label, url in _additions().account_links
        ),
        bell_url=bell_url,
        bell_count=f"{MOST_COUNTED}+" if waiting > MOST_COUNTED else str(waiting or ""),
    )


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


def _bell(here: Scope) -> tuple[str, int]:
    """The bell of a whole page; a part of a page has none, so nobody counts for it."""
    bell = _additions().bell
    part = request.headers.get("HX-Request") and not request.headers.get("HX-Boosted")
    return bell(here) if bell is not None and here.known and not part else ("", 0)


def _additions() -> Additions:
    found: Additions = current_app.extensions[ADDITIONS]
    return found
