"""What is given for the parameters of a report as records: their ids, titles, and the places below them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.access.accounts import places_below
from app.access.permissions import Visibility
from app.kernel.errors import Invalid
from app.kernel.messages import _l
from app.language.definitions import Rights
from app.language.report_definitions import Report
from app.language.report_shapes import parameter_target
from app.records.gateway import Records
from app.records.titles import find_titles


def identified(records: Records, report: Report, given: Mapping[str, str]) -> dict[str, str]:
    """The texts with the ids of records that are given by what they are called."""
    found = dict(given)
    tree = records.runtime.schema.portal.tree or ""
    for parameter in report.parameters.values():
        text, target = found.get(parameter.name, "").strip(), parameter_target(parameter, tree)
        if not target or not text or text.isdigit():
            continue
        model: Any = records.runtime.models.classes[target]
        title = records.runtime.entity(target).title_fields[:1]
        readable = records.access.entity(target).allows(Rights.READ)
        clear = readable and all(
            records.access.entity(target).visibility(n) is Visibility.CLEAR for n in title
        )
        ids = []
        if clear and title:
            ids = list(
                records.session.scalars(
                    select(model.id).where(getattr(model, title[0]) == text).limit(2)
                )
            )
        if len(ids) != 1:
            raise Invalid({parameter.name: (_l("%(label)s cannot be “%(value)s”.",
                                               label=parameter.label, value=text[:60]),)})  # fmt: skip
        found[parameter.name] = str(ids[0])
    return found


def chosen(records: Records, report: Report, values: Mapping[str, Any]) -> dict[str, Any]:
    """The titles of chosen records, and the places below chosen places; raises Invalid for unseen ones."""
    runtime, tree = records.runtime, records.runtime.schema.portal.tree or ""
    titles: dict[str, str] = {}
    places: dict[str, tuple[int, ...]] = {}
    for parameter in report.parameters.values():
        target, value = parameter_target(parameter, tree), values[parameter.name]
        if not target or value is None:
            continue
        found = find_titles(records.session, runtime, [(target, value)], records.reader.language)
        if not found:
            raise Invalid(
                {parameter.name: (_l("There is no such record, or you may not see it."),)}
            )
        # What it is called is told: trying one number after the other is looking as well.
        records.reader.shown(runtime.entity(target), [value])
        titles[parameter.name] = found[target, value]
        if parameter.type == "place":
            model: Any = runtime.models.classes[tree]
            parent = runtime.entity(tree).tree_parent
            assert parent is not None
            pairs = records.session.execute(select(model.id, getattr(model, parent.name))).all()
            places[parameter.name] = places_below([(row[0], row[1]) for row in pairs], value)
    return {"titles": titles, "places": places}
