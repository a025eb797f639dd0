"""One thing with several records: each succeeds, waits for a second person or fails for itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from flask import flash

from app.kernel.errors import Invalid, NotFound, PortalError, StaleRevision, ToBeDecided
from app.language.definitions import Entity
from app.records.gateway import Records
from app.records.titles import load_titles
from app.storage.database import unit_of_work
from app.web.locale import say
from app.web.refusals import note_refusal
from app.web.state import Scope


@dataclass
class Outcome:
    """How many were done, what waits for a second person, and what failed with the reason."""

    done: int = 0
    asked: list[ToBeDecided] = field(default_factory=list)
    failures: list[tuple[int, str]] = field(default_factory=list)


def in_bulk(here: Scope, entity: Entity, action: str, ids: Iterable[int]) -> Outcome:
    """Do ``delete`` or ``move:step`` with each record, in a transaction of its own."""
    outcome = Outcome()
    for pk in ids:
        try:
            with unit_of_work(here.session):
                _one(here.records, entity, action, pk)
            outcome.done += 1
        except StaleRevision:
            raise
        except ToBeDecided as fault:
            outcome.asked.append(fault)
        except PortalError as refused:
            note_refusal(here, refused.status, entity.name, pk)
            outcome.failures.append((pk, _reason(refused, here.language)))
    return outcome


def is_there(entity: Entity, action: str) -> bool:
    """Whether there is (still) such a thing to do."""
    step = action.removeprefix("move:")
    return step == action or (entity.states is not None and entity.states.move(step) is not None)


def say_failures(here: Scope, entity: Entity, failures: Sequence[tuple[int, str]]) -> None:
    """Say of each record by its title why it was not done."""
    wanted = [(entity.name, pk) for pk, _ in failures]
    titles = load_titles(here.records.session, here.state.runtime, wanted, here.language)
    for pk, reason in failures:
        flash(f"{titles.get((entity.name, pk), f'#{pk}')}: {reason}", "danger")


# Private


def _one(records: Records, entity: Entity, action: str, pk: int) -> None:
    version = records.get(entity.name, pk, ("version",)).values["version"]
    if action == "delete":
        records.remove(entity.name, pk, version)
    elif action.startswith("move:"):
        records.move(entity.name, pk, action.removeprefix("move:"), version)
    else:
        raise NotFound


def _reason(refused: PortalError, language: str) -> str:
    if isinstance(refused, Invalid):
        return " ".join(
            say(text, language) for texts in refused.problems.values() for text in texts
        )
    return say(refused.message, language)
