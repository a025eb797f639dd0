"""Exporting on request: approval gives a grant for one file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.features.exports import grants, rules
from app.features.exports.asking import query_of
from app.features.exports.sources import source_of
from app.features.exports.subjects import entities_of, may_ask, subject_of
from app.features.requests.kinds import Kind, Line, Outcome, Payload
from app.features.requests.rules import Request
from app.kernel.errors import Forbidden, Invalid, NotFound
from app.kernel.messages import Label, Message, _l
from app.language.definitions import Decided, Rights
from app.records.gateway import Records
from app.records.titles import load_titles
from app.web.named_views import view_of

ADDRESS = "/exports"


def describe(records: Records, request: Request) -> Sequence[Line]:
    """What, how much and which columns."""
    return list(described(records, request.payload["asked"], request.payload["most_rows"]))


def described(records: Records, asked: Payload, most_rows: int) -> Iterator[Line]:
    """An export in words; filters as they were typed."""
    schema = records.runtime.schema
    entity = schema.entities.get(str(asked["entity"]))
    if entity is None:
        return
    source, subject = source_of(asked), subject_of(asked)
    if source is not None:
        yield from source.describe(records, asked)
        yield Line(_l("At most rows"), f"{most_rows:,}")
        return
    if subject is not None:
        keys = [(entity.name, subject)]
        titles = load_titles(records.session, records.runtime, keys, records.reader.language)
        known = keys[0] if keys[0] in titles else ()
        yield Line(_l("Copy of what is held of"), titles.get(keys[0], "—"), *known)
        yield Line(_l("File"), "ZIP (HTML, JSON)")
        return
    yield Line(_l("Records"), Message("%(what)s", {"what": entity.label}))
    view = view_of(schema, entity, str(asked["view"]))
    if view is not None:
        yield Line(_l("View"), Message("%(what)s", {"what": view.label}))
    if asked["search"]:
        yield Line(_l("Search"), str(asked["search"]))
    for name, text in asked["filters"].items():
        field = entity.field(name)
        yield Line(field.label if field else _l("Filter"), str(text))
    labels = {
        f"c{n}": field.label
        for n, name in enumerate(asked["columns"])
        if (field := entity.field(name))
    }
    yield Line(_l("Columns"), Message(", ".join(f"%({name})s" for name in labels), labels))
    yield Line(_l("At most rows"), f"{most_rows:,}")
    yield Line(_l("File"), "Excel" if asked["format"] == "xlsx" else "CSV")


def may_request(records: Records, entity: str, payload: Payload) -> None:
    """Raise unless the actor may ask for just this export."""
    access, asked = records.access.entity(entity), payload["asked"]
    if not access.allows(Rights.READ) or asked["entity"] != entity:
        raise NotFound
    if not may_ask(records.access, asked):
        raise Forbidden(_l("None of your roles lets you ask for this."))
    subject = subject_of(asked)
    if subject is not None:
        records.get(entity, subject, ())
        return
    refuse_amount(payload["most_rows"])
    source = source_of(asked)
    if source is not None:
        source.check(records, asked)
    else:
        query_of(records, asked)


def refuse_amount(most_rows: int) -> None:
    """Raise Invalid for an amount that no file may have."""
    if not 0 < most_rows <= rules.MOST_ROWS:
        text = _l("Say how many rows at most: 1 to %(most)s.", most=rules.MOST_ROWS)
        raise Invalid({"most_rows": (text,)})


def may_decide(records: Records, request: Request) -> None:
    """Raise NotFound unless the decider may read all such records."""
    names = {str(request.entity), *entities_of(request.payload["asked"])}
    if not all(records.access.entity(name).allows(Rights.READ) for name in names):
        raise NotFound


def apply(records: Records, request: Request) -> Outcome:
    """Give the grant; the file is made when whoever asked wants it."""
    number = grants.give(
        records.session, request.payload["asked"], request.beneficiary_id,
        int(request.payload["most_rows"]), records.runtime.clock.now(), request_id=request.id,
    )  # fmt: skip
    return Outcome(used=False, path=f"{ADDRESS}/{number}")


EXPORT = Kind(
    Decided.EXPORT,
    Label("导出", "Export"),
    describe,
    may_request,
    may_decide,
    apply,
    next_path=lambda request: (
        f"{ADDRESS}/of/{request.id}" if request.state in ("approved", "used") else ""
    ),
)
