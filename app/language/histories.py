"""Which fields have a history of their own: a row of another entity for each period."""

from __future__ import annotations

from dataclasses import dataclass

from app.language.reading import Keys
from app.language.source import Place


@dataclass(frozen=True, slots=True)
class History:
    """The entity that keeps the periods of ``field``, and what its fields are called.

    ``of`` links to the record, ``was`` and ``now`` hold the value before and during the period, ``since`` and
    ``until`` its ends; ``request`` links to the record whose step changed the value, if one did.
    """

    field: str
    kept_in: str
    of: str
    was: str | None
    now: str
    since: str
    until: str
    request: str | None
    place: Place


def read_histories(keys: Keys) -> tuple[History, ...]:
    """The histories that an entity file declares."""
    found: list[History] = []
    for name, (place, node) in keys.table("history").items():
        inner = keys.sub(place, node, name)
        if inner is None:
            continue
        found.append(
            History(
                field=name,
                kept_in=inner.text("in", required=True),
                of=inner.text("of", required=True),
                was=inner.text("was") or None,
                now=inner.text("now", required=True),
                since=inner.text("since", required=True),
                until=inner.text("until", required=True),
                request=inner.text("request") or None,
                place=place,
            )
        )
        inner.done()
    return tuple(found)
