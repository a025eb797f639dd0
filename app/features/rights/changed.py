"""What administrators have changed over the files, as lines for a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.features.rights import editing, showing
from app.kernel.messages import Message, _l
from app.language.overlay_merge import ROLE
from app.records.accounts import accounts
from app.storage.overlays import Kept, kept_changes
from app.web.locale import datetime_text, say
from app.web.state import Scope

MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class ChangedCell:
    """A cell that differs from the files: what it was, what it is, who did it, and what became of it."""

    label: str
    text: str
    who: str
    when: str
    trouble: str
    url: str


def changed_cells(here: Scope) -> Iterator[ChangedCell]:
    """The changes, those that an upgrade set aside first."""
    rows = kept_changes(here.session)
    made = {
        one.change.cell.role
        for one in rows
        if one.change.cell.key == ROLE and one.change.new is not None
    }
    # A new role is one line: what it may do is its own page.
    rows = [one for one in rows if one.change.cell.key == ROLE or one.change.cell.role not in made]
    names = {one.id: one.name for one in accounts(here.session)} if rows else {}
    rows.sort(key=lambda one: (one.conflict is None, -one.id))
    for one in rows[:MOST_SHOWN]:
        yield _line(here, one, names)


# Private


def _line(here: Scope, one: Kept, names: dict[int, str]) -> ChangedCell:
    cell, language = one.change.cell, here.language
    who = names.get(one.signed.by, str(one.signed.by))
    if one.signed.approved_by is not None:
        second = names.get(one.signed.approved_by, str(one.signed.approved_by))
        who = f"{who} + {second}"
    trouble = ""
    if one.conflict is not None:
        base = showing.value_text(here.schema, cell, one.conflict.get("base")).text(language)
        text = _l("%(why)s It says: %(base)s.", why=Message(str(one.conflict["why"])), base=base)
        trouble = say(text, language)
    text_ = showing.change_text(here.schema, cell, one.change.old, one.change.new)
    mine = {role.name for role in here.actor.roles}
    may = editing.may_administer(here.actor) and cell.role not in mine
    return ChangedCell(
        showing.cell_label(here.schema, cell).text(language),
        text_.text(language),
        who,
        datetime_text(one.signed.at, here.state.runtime.zone),
        trouble,
        f"/rights/changes/{one.id}" if may else "",
    )
