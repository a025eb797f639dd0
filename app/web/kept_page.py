"""Gives a form back that was sent after the session had ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import current_app, flash, redirect, render_template
from flask_appbuilder import BaseView, expose
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from app.kernel.errors import Gone
from app.kernel.messages import Message, _l
from app.language.definitions import Entity
from app.storage.former_names import called_at
from app.web.contexts import Crumb
from app.web.form_page import FormPage
from app.web.form_reading import FormReader
from app.web.former_forms import Files, files_again, posted
from app.web.kept_forms import KeptForm, kept_form, typed_in
from app.web.locale import say
from app.web.marks import FIELD, mark_of
from app.web.shell import shows
from app.web.show_page import ShowPage
from app.web.state import Scope, scope
from app.web.step_drawing import Tried
from app.web.step_page import NO_STEP
from app.web.views import signed_in

FORM = re.compile(r"/([a-z0-9_]+)/(?:add|edit/([0-9]{1,18})|move/([0-9]{1,18})/([a-z0-9_]+))")
BACK = _l("This is not saved yet. Please look at it and save again.")
STEP = _l("Nothing was done yet. Please look at it and confirm again.")
NOT_SENT = _l(
    "Nothing was done yet: you had been signed out, or had to prove who you are. What you filled in is still here."
)
# What a reader typed, rather than a mark, a number or the name of a choice.
WORDS = re.compile(r"[^\x00-\x7f]|\s")
OWN = ("csrf_token", FIELD)
# By which button a form was sent, where it has more than one.
BUTTONS = {"approve": _l("Approve"), "refuse": _l("Refuse")}
OVER = _l(
    "This form was filled in with another account, or it was sent more than an hour ago."
    " Sign in with that account to have it back."
)


@dataclass(frozen=True, slots=True)
class KeptContext:
    """``kept.html``: a form of a page of its own, with everything that it sent, and what of it reads as words."""

    title: str
    note: str
    url: str
    fields: tuple[tuple[str, str], ...]
    said: tuple[str, ...]
    button: str
    breadcrumbs: tuple[Crumb, ...]


class KeptView(BaseView):
    """Forms that were sent too late."""

    route_base = "/kept"
    default_view = "one"

    @expose("/<name>")
    @signed_in
    def one(self, name: str) -> Any:
        """The form with everything that was typed; raises Gone when it is not the reader's."""
        here = scope()
        kept = kept_form(here, name)
        if kept is None:
            raise Gone(OVER)
        return _again(here, kept)


# Private


def _again(here: Scope, kept: KeptForm) -> Any:
    found = FORM.fullmatch(kept.path)
    entity = _entity(here, kept, found[1]) if found else None
    if entity is None and _is_taken(kept.path):
        return render_template("kept.html", page=_as_sent(here, kept))
    if found is None or entity is None:
        words = "；".join(text for _, text in typed_in(kept.form) if text)
        raise Gone(_l("What this form was for is no longer there. It said: %(words)s", words=words))
    shows(entity.name)
    if found[4]:
        return _step(here, kept, entity, int(found[3]), found[4])
    form = FormPage(here, entity, int(found[2]) if found[2] else None)
    row = form.row()
    sent = form.taken(form.posted(kept.form, Files(), row), row)
    page = form.context(
        sent=sent, notes=(BACK, *sent.lost, *_files(kept)), once=kept.form.get("once")
    )
    return render_template("records/form.html", page=page)


def _step(here: Scope, kept: KeptForm, entity: Entity, pk: int, name: str) -> Any:
    move = entity.states.move(name) if entity.states else None
    names = (*move.asks, *move.offers) if move else ()
    came = posted(here, entity, kept.form, Files(), names)
    sent = came.read(FormReader(here.schema, entity, here.state.runtime.zone), names)
    page = ShowPage(here, entity, pk).context(tried=Tried(name, sent, sent.problems))
    opened = any(step.open for step in page.moves)
    for text in (STEP if opened else NO_STEP, *sent.lost, *_files(kept)):
        flash(say(text, here.language), "warning")
    if not opened:
        for field, typed in sent.typed.items():
            label = entity.fields[field].label.text(here.language)
            flash(f"{label}: {'、'.join(typed.texts)}", "warning")
        return redirect(f"/{entity.name}/show/{pk}")
    return render_template("records/show.html", page=page)


def _is_taken(path: str) -> bool:
    """Whether a form can still be sent to this address."""
    try:
        current_app.url_map.bind("").match(path, method="POST")
    except (HTTPException, RequestRedirect):
        return False
    return True


def _as_sent(here: Scope, kept: KeptForm) -> KeptContext:
    title = say(_l("Send it again?"), here.language)
    fields = [(name, text) for name, text in kept.form.items(multi=True) if name not in OWN]
    said = tuple(dict.fromkeys(text for _, text in typed_in(kept.form) if WORDS.search(text)))
    button = say(BUTTONS.get(kept.form.get("verdict", ""), _l("Send")), here.language)
    note = say(NOT_SENT, here.language)
    return KeptContext(title, note, kept.path, tuple(fields), said, button, (Crumb(title),))


def _files(kept: KeptForm) -> tuple[Message, ...]:
    return (files_again(kept.files),) if kept.files else ()


def _entity(here: Scope, kept: KeptForm, name: str) -> Entity | None:
    """The entity that was called ``name`` when the form was drawn."""
    mark = mark_of(kept.form, here.state.settings.secret_key)
    enabled = {entity.name: entity for entity in here.schema.enabled_entities()}
    if mark is None or mark.revision == here.state.runtime.revision:
        return enabled.get(name)
    for entity in sorted(enabled.values(), key=lambda one: one.name != name):
        called = called_at(here.session, entity.name, mark.revision)
        if called is not None and called.name == name:
            return entity
    return None
