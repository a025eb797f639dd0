"""Which records may not stand beside each other: same values in some fields, and periods that overlap."""

from __future__ import annotations

from dataclasses import dataclass

from app.kernel.messages import Label
from app.language.expressions import Expression
from app.language.reading import Keys
from app.language.source import Place


@dataclass(frozen=True, slots=True)
class Apart:
    """Of two records that both meet ``where`` and agree in ``by``, one ends before the other begins.

    ``since`` and ``until`` name the first and the last day, an empty last day is none at all. Without
    them there is only one such record. ``say`` is told at the field ``at``.
    """

    by: tuple[str, ...]
    since: str | None
    until: str | None
    where: Expression | None
    at: str
    say: Label
    place: Place


def read_aparts(keys: Keys) -> tuple[Apart, ...]:
    """What an entity file declares."""
    found: list[Apart] = []
    for inner in keys.tables("apart"):
        by, since = inner.names("by"), inner.text("since") or None
        if not by:
            inner.findings.add("S024", inner.place, type="apart", key="by")
        found.append(
            Apart(
                by=by,
                since=since,
                until=inner.text("until", required=since is not None) or None,
                where=inner.expression("where"),
                at=inner.text("at") or (by[0] if by else ""),
                say=inner.needed_label("say"),
                place=inner.place,
            )
        )
        inner.done()
    return tuple(found)
