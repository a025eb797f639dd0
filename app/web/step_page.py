"""Takes a step with a record; what was typed into its dialog is kept when the step is not possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request

from app.kernel.errors import (
    Conflict,
    Invalid,
    NotFound,
    PortalError,
    StaleRevision,
    ToBeDecided,
)
from app.kernel.messages import Message, _l
from app.language.definitions import Entity
from app.language.steps import Move
from app.records import validation
from app.storage.database import unit_of_work
from app.web.form_reading import FormReader, Submission
from app.web.former_forms import HEADING, Posted, posted
from app.web.held import held
from app.web.locale import say
from app.web.refusals import note_refusal
from app.web.show_page import ShowPage
from app.web.state import Scope
from app.web.step_drawing import Tried
from app.web.uploads import claim_files, take_files

# Not for the form: an unknown record is a page of its own, and a changed portal serves the request again.
NO_STEP = _l("This step is no longer there. Nothing was done.")
PASSED_ON = (NotFound, StaleRevision)


def take_step(here: Scope, entity: Entity, pk: int, name: str) -> Any:
    """Take the step that was sent, and lead back to the record; raises NotFound."""
    move = entity.states.move(name) if entity.states else None
    names = (*move.asks, *move.offers) if move else ()
    came = posted(here, entity, request.form, request.files, names)
    if move is None:
        return _gone(here, entity, pk, came)
    sent = came.read(FormReader(here.schema, entity, here.state.runtime.zone), names)
    if sent.lost:
        return _again(
            here, entity, pk, Tried(name, sent, {"": (HEADING, *sent.lost), **sent.problems})
        ), 409
    try:
        _take(here, entity, pk, move, sent, came)
    except ToBeDecided as fault:
        return redirect(held(here, fault))
    except (Invalid, Conflict) as refused:
        problems = {"": (refused.message,)} if isinstance(refused, Conflict) else refused.problems
        if move.asks or move.offers:
            return _again(here, entity, pk, Tried(name, sent, problems)), refused.status
        _say(here, entity, problems)
    except PASSED_ON:
        raise
    except PortalError as refused:
        note_refusal(here, refused.status)
        flash(say(refused.message, here.language), "danger")
    else:
        flash(say(_l("Done: %(move)s.", move=move.label), here.language), "success")
    return redirect(f"/{entity.name}/show/{pk}")


def say_warnings(here: Scope) -> None:
    """Show what was said about a write, but did not stop it."""
    for label in here.records.warnings:
        flash(label.text(here.language), "warning")


def refuse(problems: validation.Problems) -> None:
    """Raises Invalid when there are problems."""
    if problems:
        raise Invalid(problems)


# Private


def _gone(here: Scope, entity: Entity, pk: int, came: Posted) -> Any:
    """A step that is no longer there: nothing is done, and what was typed into its dialog is said."""
    if not came.former:
        raise NotFound
    flash(say(NO_STEP, here.language), "danger")
    for one in came.lost:
        flash(say(one.message, here.language), "warning")
    return redirect(f"/{entity.name}/show/{pk}")


def _take(here: Scope, entity: Entity, pk: int, move: Move, sent: Submission, came: Posted) -> None:
    asked = (*move.asks, *move.offers)
    with unit_of_work(here.session):
        row = here.records.get(entity.name, pk, asked)
        files = take_files(here, entity, asked, came.form, came.files, row.values)
        refuse(sent.problems)
        here.records.move(entity.name, pk, move.name, sent.version, {**sent.values, **files})
        claim_files(here, entity, pk, files)
        say_warnings(here)


def _again(here: Scope, entity: Entity, pk: int, tried: Tried) -> str:
    """The page of the record with the dialog open; what is wrong with no field of it is said above."""
    page = ShowPage(here, entity, pk).context(tried=tried)
    shown = {field.name for move in page.moves if move.open for field in move.asks}
    _say(here, entity, {path: texts for path, texts in tried.problems.items() if path not in shown})
    return render_template("records/show.html", page=page)


def _say(here: Scope, entity: Entity, problems: Mapping[str, tuple[Message, ...]]) -> None:
    for path, texts in problems.items():
        field = entity.field(path)
        label = f"{field.label.text(here.language)}: " if field else ""
        flash(label + " ".join(say(text, here.language) for text in texts), "danger")
