"""Nobody gives what he does not have: for any actor, role and change, what is kept lies within his rights."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.access.actor import Actor, Grant
from app.access.lattice import differences, lacking
from app.access.permissions import Access, Visibility
from app.kernel.messages import Label
from app.language.compiler import compile_schema, compile_sources
from app.language.definitions import Rights, Role, Schema
from app.language.findings import SchemaInvalid
from app.language.identities import identities
from app.language.overlay import FIELD, SEEN, Cell, cells_of, value_of
from app.language.overlay_merge import ROLE, Change, ids_of, label_value, merge
from tests.support.portals import SCHEMAS

BASE = compile_schema(SCHEMAS / "nursery")
IDS = identities(BASE, {}, 1)
PLACES = (1, 2)
TWIN = "twin"


@st.composite
def cells(draw: Any) -> tuple[Cell, Any]:
    """Any cell with any value that it can have."""
    role = draw(st.sampled_from(sorted(BASE.roles)))
    # Where roles differ most is looked at most.
    names = st.one_of(st.just("gardener"), st.sampled_from(sorted(BASE.roles["owner"].may)))
    entity = BASE.entities[draw(names)]
    fields = sorted(entity.fields)
    key = draw(st.one_of(st.just(FIELD), st.sampled_from([right.value for right in Rights])))
    if key == FIELD:
        return Cell(role, entity.name, FIELD + draw(st.sampled_from(fields))), draw(
            st.sampled_from(SEEN)
        )
    values: list[Any] = [True, False]
    if key in ("delete", "export"):
        values.append("request")
    if key in ("create", "edit"):
        values.append(sorted(draw(st.sets(st.sampled_from(fields), min_size=1))))
    return Cell(role, entity.name, key), draw(st.sampled_from(values))


def changed(drawn: list[tuple[Cell, Any]], like: str = "") -> Schema | None:
    """The nursery with these cells, with ``like`` in a new role TWIN that says what this one says.

    None when the language refuses them.
    """
    changes = []
    if like:
        label = label_value(Label("孪生", "Twin"), second_factor=False)
        changes.append(Change(Cell(TWIN, "", ROLE), None, label))
        same = [
            (Cell(TWIN, c.entity, c.key), value)
            for c, value in cells_of(BASE.roles[like], BASE.entities)
        ]
        drawn = [*same, *((Cell(TWIN, cell.entity, cell.key), value) for cell, value in drawn)]
    for cell, value in {cell: (cell, value) for cell, value in drawn}.values():
        old = value_of(BASE.roles.get(cell.role), BASE.entities[cell.entity], cell)
        changes.append(Change(cell, old, value, ids_of(cell, [old, value], IDS)))
    merged = merge(BASE, changes, IDS)
    try:
        return compile_sources({**BASE.sources, **merged.files})
    except SchemaInvalid:
        return None


def may(schema: Schema, grants: tuple[Grant, ...], name: str) -> set[tuple[str, str]]:
    """Every single thing that grants allow with an entity, worked out from the decisions themselves."""
    entity = schema.entities[name]
    access = Access(schema, Actor(1, "a", "a", None, grants)).entity(name)
    found = {(right.value, "") for right in Rights if access.allows(right)}
    found |= {
        (right.value, "asked") for right in Rights if access.asks(right) or access.allows(right)
    }
    for field in entity.fields:
        for seen in (Visibility.MASKED, Visibility.CLEAR):
            if access.visibility(field) >= seen:
                found.add((f"seen {field}", seen.name))
        if access.may_reveal(field) or access.visibility(field) is Visibility.CLEAR:
            found.add((f"seen {field}", "uncovered"))
        for right in (Rights.CREATE, Rights.EDIT):
            if access.may_set(field, right):
                found.add((right.value, field))
    for move in entity.states.moves if entity.states else ():
        if access.may_move(move.name):
            found.add(("move", move.name))
    return found


def rows(role: Role, places: tuple[int, ...] | None, name: str) -> str:
    """Which rows a grant of the nursery reaches, as a word that can be compared."""
    rule = role.sees.get(name)
    if rule is not None and rule.condition is not None:
        return rule.condition.text
    return "all" if places is None or BASE.entities[name].scope is None else str(places)


@settings(max_examples=150, deadline=None)
@given(
    drawn=st.lists(cells(), min_size=1, max_size=5),
    holder=st.one_of(st.just("keeper"), st.sampled_from(sorted(BASE.roles))),
    scoped=st.booleans(),
)
def test_what_is_given_lies_within_what_the_giver_has(
    drawn: list[tuple[Cell, Any]], holder: str, scoped: bool
) -> None:
    after = changed(drawn, holder)
    if after is None:
        return
    places = PLACES if scoped else None
    grants = (Grant(BASE.roles[holder], places),)
    actor = Actor(1, "a", "a", None, grants)
    for name in {cell.entity for cell, _ in drawn}:
        given_ = after.roles[TWIN]
        if lacking(after, actor, given_, name):
            continue
        theirs, mine = may(after, (Grant(given_, None),), name), may(BASE, grants, name)
        assert theirs <= mine, (name, theirs - mine)
        if theirs:
            reach, own = rows(given_, None, name), rows(BASE.roles[holder], places, name)
            assert own in ("all", reach)
            assert own == "all" or not scoped


@settings(max_examples=150, deadline=None)
@given(drawn=st.lists(cells(), min_size=1, max_size=5))
def test_whatever_allows_more_is_told_as_wider(drawn: list[tuple[Cell, Any]]) -> None:
    after = changed(drawn)
    if after is None:
        return
    told = {(one.role, one.entity) for one in differences(BASE, after) if one.wider}
    taken = {(one.role, one.entity) for one in differences(BASE, after) if one.waits}
    for role in BASE.roles:
        for name in BASE.entities:
            before = may(BASE, (Grant(BASE.roles[role], None),), name)
            then = may(after, (Grant(after.roles[role], None),), name)
            if then - before:
                assert (role, name) in told, (role, name, then - before)
            more = {what for what, how in then - before if how != "asked"}
            if more & {"read", "export", "print"} or any(what.startswith("seen ") for what in more):
                assert (role, name) in taken, (role, name, more)
