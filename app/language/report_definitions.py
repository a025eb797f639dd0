"""What a report file declares: a table of figures over records, with its filters, groups, measures and chart."""

from __future__ import annotations

from dataclasses import dataclass

from app.kernel.messages import Label
from app.language.source import Place


@dataclass(frozen=True, slots=True)
class Report:
    """One report."""

    name: str
    label: Label
    place: Place
