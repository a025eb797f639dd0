"""What the builder's form sent as a draft, with the rows that its buttons add, move and take away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from werkzeug.datastructures import MultiDict

from app.features.reports.conditions import Condition, complete, operators
from app.features.reports.drafts import COUNT, EACH, FIELD, WAYS, Draft, Row, named
from app.features.reports.offers import Offer, Offers, entities_of
from app.kernel.messages import Label, Message, _l
from app.language.definitions import Schema
from app.language.report_definitions import CHARTS, PERIODS

MOST_ROWS = 40
MOST_FIRST = 6
LONGEST_LABEL, LONGEST_HELP, LONGEST_VALUE = 120, 400, 200
COLUMNS, GROUPS, MEASURES, CONDITIONS, SORTS = "c", "g", "m", "w", "s"
Form = MultiDict[str, str]
Problems = Mapping[str, tuple[Message, ...]]


def started(schema: Schema, entity: str = "") -> Draft:
    """A new draft over an entity: the columns of its list."""
    known = [one.name for one in entities_of(schema)]
    name = entity if entity in known else next(iter(known), "")
    blank = Label("", "")
    return filled(Draft(blank, blank, name), Offers(schema, name))


def filled(draft: Draft, offers: Offers) -> Draft:
    """The draft with something to show, and a name for every row."""
    if draft.grouped and not draft.measures:
        draft = replace(draft, measures=(Row("", COUNT),))
    if not draft.grouped and not draft.columns:
        draft = replace(draft, columns=_first_columns(offers))
    taken: set[str] = set()
    if not draft.grouped:
        return replace(draft, columns=named(draft.columns, taken))
    groups = named(draft.groups, taken)
    return replace(draft, groups=groups, measures=named(draft.measures, taken))


def read_draft(form: Form, schema: Schema, language: str) -> Draft:
    """The draft that was sent, after what its button does."""
    entity = form.get("entity", "")
    if entity not in schema.entities:
        return started(schema)
    offers = Offers(schema, entity)
    reader = _Reader(form, offers, form.get("do", ""))
    draft = Draft(
        _label(form, "label", LONGEST_LABEL, language),
        _label(form, "help", LONGEST_HELP, language),
        entity,
        grouped=form.get("kind") == "groups",
        roles=tuple(name for name in form.getlist("roles") if name in schema.roles),
    )
    if form.get("entity_was") != entity:
        return filled(draft, offers)
    draft = filled(replace(draft, **reader.rows()), offers)
    return reader.after_do(replace(draft, **reader.rest(draft)))


def problems_of(draft: Draft, offers: Offers) -> Problems:
    """What is still missing before the draft can be saved, by control."""
    missing = (_l("Please fill this in."),)
    found: dict[str, tuple[Message, ...]] = {}
    if not draft.label.zh.strip():
        found["label"] = missing
    if draft.chart and not (draft.x and draft.series):
        found["chart"] = (_l("Please say what the chart shows."),)
    for n, row in enumerate(draft.conditions):
        if not complete(row, offers.fields.get(row.path)):
            found[f"{CONDITIONS}{n}"] = missing
    for key, rows in ((GROUPS, draft.groups), (MEASURES, draft.measures)):
        for n, one in enumerate(rows if draft.grouped else ()):
            if one.way != COUNT and one.path not in offers.fields:
                found[f"{key}{n}"] = missing
    return found


def takes(way: str, offer: Offer) -> bool:
    """Whether a measure can be taken of a field."""
    if way in ("sum", "average", "median"):
        return offer.is_number
    return offer.is_ordered if way in ("min", "max") else way == "count_distinct"


def said_of(row: Row) -> str:
    """What a row carries through the form beside its controls."""
    texts = {name: [label.zh, label.en] if label else None
             for name, label in (("label", row.label), ("help", row.help))}  # fmt: skip
    told = {"of": _of(row), "name": row.name, "total": row.total, **texts}
    return json.dumps(told, ensure_ascii=False)


# Private


@dataclass(frozen=True, slots=True)
class _Reader:
    form: Form
    offers: Offers
    do: str

    def rows(self) -> dict[str, Any]:
        """The columns, groups and measures."""
        columns = list(self._rows(COLUMNS))
        more = self.form.get("new_column", "")
        if more in self.offers.fields:
            columns.append(Row(more))
        return {
            "columns": tuple(columns),
            "groups": tuple(self._rows(GROUPS)),
            "measures": tuple(self._rows(MEASURES)),
        }

    def rest(self, draft: Draft) -> dict[str, Any]:
        """What names rows, and everything else."""
        form, fields = self.form, self.offers.fields
        when = fields.get(form.get("when", ""))
        limit = form.get("limit", "")
        keys = _keys(draft)
        chart = form.get("chart", "")
        told: dict[str, Any] = {
            "conditions": tuple(self._conditions()),
            "any_of": form.get("any_of") == "or",
            "when": when.path if when is not None and when.is_date else "",
            "period": form["period"] if form.get("period") in PERIODS else draft.period,
            "by_place": form.get("by_place") == "true" and self.offers.has_place,
            "sort": tuple(self._sort(keys)),
            "limit": int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 6 else None,
            "chart": chart if chart in CHARTS else "",
            "x": keys.get(form.get("x", ""), ""),
            "series": tuple(keys[key] for key in form.getlist("series") if key in keys),
        }
        return told | _first_chart(draft, told, self.offers)

    def after_do(self, draft: Draft) -> Draft:
        """The draft after a button: a row more, less, or one place up or down."""
        deed, _, key = self.do.partition(" ")
        attribute = {COLUMNS: "columns", GROUPS: "groups", MEASURES: "measures",
                     CONDITIONS: "conditions"}.get(key[:1])  # fmt: skip
        number = int(key[1:]) if key[1:].isascii() and key[1:].isdigit() else -1
        if attribute is None:
            return draft
        rows = list(getattr(draft, attribute))
        if deed == "add" and len(rows) < MOST_ROWS:
            rows.append(_new_row(key[:1], self.offers))
        elif 0 <= number < len(rows):
            _DEEDS.get(deed, _nothing)(rows, number)
        changed: dict[str, Any] = {attribute: tuple(rows)}
        return filled(replace(draft, **changed), self.offers)

    # Private

    def _numbers(self, key: str, part: str) -> Iterator[int]:
        yield from (n for n in range(MOST_ROWS) if f"{key}{n}.{part}" in self.form)

    def _rows(self, key: str) -> Iterator[Row]:
        for n in self._numbers(key, "said"):
            path = self.form.get(f"{key}{n}.path", "")
            offer = self.offers.fields.get(path)
            way = self.form.get(f"{key}{n}.way", FIELD) if key == MEASURES else FIELD
            each = self.form.get(f"{key}{n}.each", "") if offer and offer.is_date else ""
            way = way if way in (FIELD, *WAYS) else COUNT
            if way not in (FIELD, COUNT) and offer is not None and not takes(way, offer):
                path = ""
            if offer is not None and offer.is_date and key == GROUPS and not each:
                each = EACH[0]
            row = Row("" if way == COUNT else path, way, each if each in EACH else "")
            if key != COLUMNS or offer is not None:
                yield _with_said(row, self.form[f"{key}{n}.said"])

    def _conditions(self) -> Iterator[Condition]:
        person, tree = self.offers.schema.portal.person_entity, self.offers.schema.portal.tree
        for n in self._numbers(CONDITIONS, "path"):
            path = self.form.get(f"{CONDITIONS}{n}.path", "")
            offer = self.offers.fields.get(path)
            if offer is None:
                yield Condition()
                continue
            known = operators(offer, person=person, tree=tree)
            operator = self.form.get(f"{CONDITIONS}{n}.operator", "")
            values = [text[:LONGEST_VALUE] for text in self.form.getlist(f"{CONDITIONS}{n}.value")]
            same = self.form.get(f"{CONDITIONS}{n}.was", path) == path
            fits = operator in known and same
            yield Condition(path, operator if fits else known[0], tuple(values) if same else ())

    def _sort(self, keys: Mapping[str, str]) -> Iterator[str]:
        for n in self._numbers(SORTS, "by"):
            name = keys.get(self.form[f"{SORTS}{n}.by"])
            if name:
                down = self.form.get(f"{SORTS}{n}.down") == "true"
                yield f"-{name}" if down else name


def _keys(draft: Draft) -> dict[str, str]:
    """The names of rows by the keys that the form knows them by."""
    rows = {COLUMNS: draft.columns, GROUPS: draft.groups, MEASURES: draft.measures}
    return {f"{key}{n}": row.name for key, found in rows.items() for n, row in enumerate(found)}


def _first_columns(offers: Offers) -> tuple[Row, ...]:
    entity = offers.schema.entities.get(offers.entity)
    listed = entity.list.columns if entity else ()
    names = [name for name in listed if name in offers.fields] or list(offers.fields)
    return tuple(Row(name) for name in names[:MOST_FIRST])


def _first_chart(draft: Draft, told: Mapping[str, Any], offers: Offers) -> dict[str, Any]:
    """A chart shows the first group and the first number until something else is chosen."""
    names = {row.name for row in draft.rows}
    if draft.grouped:
        x, numbers = draft.groups, [row.name for row in draft.measures]
    else:
        x = draft.columns
        numbers = [row.name for row in x
                   if (one := offers.fields.get(row.path)) and one.is_number]  # fmt: skip
    series = tuple(name for name in told["series"] if name in numbers)
    found = told["x"] if told["x"] in names else next((row.name for row in x), "")
    return {"x": found if told["chart"] else "",
            "series": (series or tuple(numbers[:1])) if told["chart"] else ()}  # fmt: skip


def _label(form: Form, name: str, longest: int, language: str) -> Label:
    own = " ".join(form.get(name, "").split())[:longest]
    other = " ".join(form.get(f"{name}_other", "").split())[:longest] or own
    return Label(own or other, other) if language == "zh" else Label(other, own or other)


def _of(row: Row) -> str:
    return f"{row.way} {row.path} {row.each}"


def _with_said(row: Row, text: str) -> Row:
    """The row with its name, and with its own label where it still is of the same."""
    try:
        told = json.loads(text)
        # Half of a pair of surrogates is no text that could be sent back.
        json.dumps(told, ensure_ascii=False).encode()
    except ValueError:
        return row
    if not isinstance(told, dict) or told.get("of") != _of(row):
        return row
    label, meaning = _pair(told.get("label")), _pair(told.get("help"))
    name = told.get("name")
    return replace(row, name=name if isinstance(name, str) else "", label=label, help=meaning,
                   total=told.get("total") is True)  # fmt: skip


def _pair(value: Any) -> Label | None:
    texts = isinstance(value, list) and len(value) == 2 and all(isinstance(t, str) for t in value)
    return Label(value[0], value[1]) if texts else None


def _new_row(key: str, offers: Offers) -> Row | Condition:
    if key == MEASURES:
        return Row("", COUNT)
    return Condition() if key == CONDITIONS else Row("")


def _drop(rows: list[Any], number: int) -> None:
    del rows[number]


def _up(rows: list[Any], number: int) -> None:
    if number:
        rows[number - 1], rows[number] = rows[number], rows[number - 1]


def _down(rows: list[Any], number: int) -> None:
    if number + 1 < len(rows):
        rows[number + 1], rows[number] = rows[number], rows[number + 1]


def _nothing(rows: list[Any], number: int) -> None:
    """An unknown button does nothing."""


_DEEDS: Mapping[str, Callable[[list[Any], int], None]] = MappingProxyType(
    {"drop": _drop, "up": _up, "down": _down}
)
