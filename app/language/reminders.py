"""Reads reminder files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

from app.kernel.messages import Label
from app.language.expressions import Expression
from app.language.reading import Keys, good_name
from app.language.reminder_definitions import (
    CHANNELS,
    Lead,
    Recipient,
    Reminder,
    Step,
    parse_lead,
    parse_recipient,
)
from app.language.source import Mapping, Scalar, Sequence

MOST_DAYS = 366


def read_reminder(keys: Keys) -> Reminder | None:
    """A reminder file; None when it has no usable name."""
    name = keys.text("reminder", required=True)
    if not good_name(name, keys.place_of("reminder"), keys.findings):
        return None
    title, body = _texts(keys)
    found = Reminder(
        name=name,
        label=keys.needed_label(),
        place=keys.place,
        code=keys.text("code", name.upper()),
        entity=keys.text("entity", required=True),
        date=keys.expression("date", required=True),
        where=keys.expression("where"),
        leads=tuple(_leads(keys)),
        to=_recipients(keys, "to"),
        title=title,
        body=body,
        escalate=tuple(_steps(keys)),
        channels=_channels(keys),
        about=tuple(part for part in keys.text("about").split(".") if part),
        quiet=_quiet(keys),
        daily=keys.word("then", ("daily", "stop"), "stop") == "daily",
        workdays=keys.flag("workdays", default=True),
        active=keys.flag("active", default=True),
        catch_up=keys.integer("catch_up", 90, 0, MOST_DAYS) or 0,
    )
    keys.done()
    return found


# Private


def _texts(keys: Keys) -> tuple[Label, Label]:
    inner = keys.node("text", required=True)
    if not isinstance(inner, Mapping):
        return Label("?", "?"), Label("", "")
    texts = Keys(inner, keys.findings)
    title, body = texts.needed_label("title"), texts.label("body") or Label("", "")
    texts.done()
    return title, body


def _leads(keys: Keys) -> Iterator[Lead]:
    node = keys.node("leads", required=True)
    for item in node.items if isinstance(node, Sequence) else [node]:
        if isinstance(item, Mapping):
            inner = Keys(item, keys.findings)
            lead = _lead(inner, inner.expression("where"))
            inner.done()
        elif isinstance(item, Scalar):
            lead = parse_lead(item.text)
            if lead is None:
                keys.findings.add("S081", item.place, text=item.text[:20])
        else:
            continue
        if lead is not None:
            yield lead


def _lead(keys: Keys, where: Expression | None = None) -> Lead | None:
    text = keys.text("at", required=True)
    lead = parse_lead(text, where)
    if lead is None and text:
        keys.findings.add("S081", keys.place_of("at"), text=text[:20])
    return lead


def _recipients(keys: Keys, key: str) -> tuple[Recipient, ...]:
    return tuple(parse_recipient(text) for text in keys.names(key))


def _steps(keys: Keys) -> Iterator[Step]:
    for inner in keys.tables("escalate"):
        at = _lead(inner)
        step_where = inner.expression("where")
        to, red = _recipients(inner, "to"), inner.flag("red")
        inner.done()
        if at is not None:
            yield Step(at, to, step_where, red, inner.place)


def _channels(keys: Keys) -> tuple[str, ...]:
    found = keys.names("channels") or CHANNELS
    for name in found:
        if name not in CHANNELS:
            place = keys.place_of("channels")
            keys.findings.add("S015", place, value=name, choices=", ".join(CHANNELS))
    return tuple(name for name in CHANNELS if name in found)


def _quiet(keys: Keys) -> tuple[time, time] | None:
    """Quiet hours as ``22:00-08:00``."""
    text = keys.text("quiet")
    if not text:
        return None
    begin, _, end = text.partition("-")
    try:
        return time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError:
        keys.findings.add("S016", keys.place_of("quiet"), why="22:00-08:00")
        return None
