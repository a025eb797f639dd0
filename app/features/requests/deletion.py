"""Deleting records on request."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from app.features.requests.doing import stated_door, unchanged
from app.features.requests.kinds import Kind, Line, Outcome, Payload
from app.features.requests.rules import Request
from app.kernel.errors import Invalid
from app.kernel.messages import Label, _l
from app.language.definitions import Decided, Rights
from app.records.gateway import Records
from app.records.titles import load_titles

MOST_RECORDS = 100


def describe(records: Records, request: Request) -> Sequence[Line]:
    """The records by their titles; a dash stands for one that the reader may not see, or that is gone."""
    entity = records.runtime.entity(str(request.entity))
    wanted = [(entity.name, number) for number in numbers(request.payload)]
    titles = load_titles(records.session, records.runtime, wanted, records.reader.language)
    return [
        Line(entity.label, titles.get(key, "—"), *(key if key in titles else ()))
        for key in wanted
    ]  # fmt: skip


def numbers(payload: Payload) -> list[int]:
    """The ids of the records."""
    return [int(pair[0]) for pair in payload["records"]]


def may_request(records: Records, entity: str, payload: Payload) -> None:
    """Raise unless each record could be deleted, if only somebody agreed."""
    pairs = payload["records"]
    if not 0 < len(pairs) <= MOST_RECORDS:
        raise Invalid({"": (_l("Choose 1 to %(most)s records.", most=MOST_RECORDS),)})
    for number, version in pairs:
        records.removable(entity, number, version)


def may_decide(records: Records, request: Request) -> None:
    """Raise NotFound unless the decider sees every record."""
    for number in numbers(request.payload):
        records.get(str(request.entity), number, ())


def apply(records: Records, request: Request) -> Outcome:
    """Delete just what was asked for: a record that has changed since stops all of it."""
    name = str(request.entity)
    door = stated_door(records, request, {name: frozenset({Rights.READ, Rights.DELETE})})
    for number, version in request.payload["records"]:
        unchanged(partial(door.remove, name, number, version))
    return Outcome(used=True)


DELETION = Kind(
    Decided.DELETE,
    Label("删除", "Delete"),
    describe,
    may_request,
    may_decide,
    apply,
    numbers,
)
