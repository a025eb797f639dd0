"""Masked values on the page of a record: what is asked before one is shown, and the one that is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from app.records.queries import Row
from app.web.contexts import ShownField, ShownSection
from app.web.form_contexts import RevealForm
from app.web.state import Scope


@dataclass(frozen=True, slots=True)
class Revealed:
    """A field that was uncovered for this answer, or why it was not; ``reason`` is what was typed."""

    field: str
    value: Any = None
    reason: str = ""
    problem: str = ""

    def on(self, row: Row) -> Row:
        """The row with the value in it."""
        if self.value is None:
            return row
        values = {**row.values, self.field: self.value}
        return replace(row, values=values, masked=row.masked - {self.field})


NOTHING = Revealed("")


def uncovering(
    scope: Scope, row: Row, sections: Iterable[ShownSection], revealed: Revealed
) -> Iterable[ShownSection]:
    """The sections, with what is asked before a masked value is shown."""
    for section in sections:
        fields = (_uncovered(scope, row, field, revealed) for field in section.fields)
        yield replace(section, fields=tuple(fields))


# Private


def _uncovered(scope: Scope, row: Row, shown: ShownField, revealed: Revealed) -> ShownField:
    name, asked = shown.name, revealed if revealed.field == shown.name else NOTHING
    if asked.value is not None:
        return replace(shown, revealed=True)
    access = scope.access.entity(row.entity)
    if row.values[name] is None or not access.may_reveal(name, row.covering):
        return shown
    offered = scope.schema.portal.revealing.reasons
    reasons = tuple(reason.text(scope.language) for reason in offered)
    url = f"/{row.entity}/reveal/{row.id}"
    form = RevealForm(url, name, shown.label, reasons, asked.reason, asked.problem)
    return replace(shown, reveal=form)
