"""Changes what roles may do: proposes, refuses what nobody may give, keeps, and writes it down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.access.holders import people, role_holders
from app.access.identity import identity_of
from app.access.lattice import FIELD, TAKING, Difference, differences, lacking
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.kernel.errors import Forbidden, NotFound, Refused
from app.kernel.messages import Label, _l
from app.language.compiler import compile_sources
from app.language.definitions import Rights, Role, Schema
from app.language.identities import identities
from app.language.overlay import SEEN, Cell, value_of
from app.language.overlay_merge import ROLE, Change, base_sources, ids_of, merge
from app.records.gateway import Records
from app.records.sessions import end_sessions
from app.storage.database import bump
from app.storage.laying import compiled, lay
from app.storage.overlays import (
    WANTED,
    Signed,
    drop_changes,
    keep_change,
    own_overlay,
    present_identities,
)

PART = "roles"
# What tasks and the scheduler listen to; it looks at the overlay as well.
WAKE = "SELECT pg_notify('portal_task', '')"
Wanted = Mapping[Cell, Any]


@dataclass(frozen=True)
class Proposal:
    """What somebody wants to change: the cells that are really other ones, and the portal before and after."""

    before: Schema
    after: Schema
    changes: tuple[Change, ...]
    former: Mapping[Cell, Any]

    @cached_property
    def differences(self) -> list[Difference]:
        """What the roles may do otherwise, with all that hangs on the changed cells."""
        return differences(self.before, self.after)

    @property
    def waits(self) -> bool:
        """Whether a second person has to agree: nobody holds a new role yet."""
        return bool(self.wider)

    @property
    def wider(self) -> set[tuple[str, str]]:
        """The roles, each with an entity, of which more is read or taken."""
        old = self.before.roles
        return {(one.role, one.entity) for one in self.differences if one.waits and one.role in old}

    @property
    def roles(self) -> list[str]:
        """The roles that are touched."""
        return list(dict.fromkeys(change.cell.role for change in self.changes))


def may_administer(actor: Actor) -> bool:
    """Whether the actor may change roles, as far as his own role says."""
    return actor.administers(PART)


def propose(session: Session, schema: Schema, wanted: Wanted) -> Proposal:
    """What ``wanted`` would change of the portal as it is kept now; raises SchemaInvalid, NotFound."""
    base = compile_sources(base_sources(schema.sources))
    laid = lay(session, base)
    before = laid.schema
    ids = identities(base, present_identities(session), 0)
    former = {cell: _now(before, cell) for cell in wanted}
    changes = tuple(
        Change(cell, old, new, ids_of(cell, [old, new], ids))
        for cell, new in ((cell, tidied(value)) for cell, value in wanted.items())
        if new != former[cell]
        for old in [_now(base, cell)]
    )
    cells = {change.cell for change in changes}
    kept = [one.change for one in laid.rows if one.change.cell not in cells]
    after = compiled(base, merge(base, [*kept, *changes], ids))
    return Proposal(before, after, changes, former)


def split(
    session: Session, schema: Schema, proposal: Proposal
) -> tuple[Proposal | None, Proposal | None]:
    """What may be kept at once, and what waits for a second person: less is never held up by more."""
    if not proposal.waits:
        return proposal, None
    less = {c.cell: c.new for c in proposal.changes if _is_less(proposal.former[c.cell], c.new)}
    now = propose(session, schema, less)
    if now.waits:
        return None, proposal
    more = {c.cell: c.new for c in proposal.changes if c.cell not in less}
    return now, propose(session, schema, more)


def tidied(value: Any) -> Any:
    """A value as it is compared: names in order, none at all is no right."""
    return (sorted(set(value)) or False) if isinstance(value, list | tuple) else value


def refuse(records: Records, proposal: Proposal) -> None:
    """Raise Forbidden unless the actor may make these changes: nobody gives what he does not have."""
    actor = records.access.actor
    if not may_administer(actor):
        raise Forbidden(_l("None of your roles lets you change roles."))
    mine = holding(records, actor, proposal.roles)
    if mine:
        role = proposal.before.roles[mine[0]]
        raise Forbidden(
            _l(
                "You hold the role %(role)s yourself; somebody else must change it.",
                role=role.label,
            )
        )
    refuse_lacking(proposal, actor)


def refuse_lacking(proposal: Proposal, actor: Actor) -> None:
    """Raise Forbidden unless the actor has what the roles have before and after, where they are touched."""
    for change in proposal.changes:
        for schema in (proposal.before, proposal.after):
            role_then = schema.roles.get(change.cell.role)
            if role_then is not None:
                _refuse_more(schema, actor, role_then, change.cell)


def holding(records: Records, actor: Actor, roles: Iterable[str]) -> list[str]:
    """The roles among these that the person behind an actor holds, under whatever account."""
    runtime, session = records.runtime, records.session
    schema, models = runtime.schema, runtime.models
    found = {role.name for role in actor.roles}
    wanted = [name for name in roles if name in schema.roles]
    rest = [name for name in wanted if name not in found]
    if actor.account_id is None or not rest:
        return [name for name in wanted if name in found]
    mine = identity_of(session, schema, models, actor.account_id)
    holders = role_holders(session, schema, models, runtime.moment().today).held
    for (role, _), accounts in holders.items():
        others = accounts if role in rest else ()
        if any(mine & identity_of(session, schema, models, one) for one in others):
            found.add(role)
    return [name for name in wanted if name in found]


def keep(records: Records, proposal: Proposal, signed: Signed) -> None:
    """Keep changes in the caller's transaction; the next revision has them within seconds.

    Whoever reads or takes less from now on signs in again, and his finished files are closed; so does
    whoever needs a second factor from now on.
    """
    session, runtime = records.session, records.runtime
    own_overlay(session)
    wider = proposal.wider
    for change in proposal.changes:
        cell = change.cell
        if change.new == change.old:
            drop_changes(session, [cell])
        else:
            waits = (cell.role, cell.entity) in wider
            keep_change(session, change, signed, wider=waits)
    _note(records, proposal, signed)
    narrowed = {one.role for one in proposal.differences if not one.wider and _taken(one)}
    factor = {name for name, role in proposal.after.roles.items() if role.second_factor
              and name in proposal.before.roles and not proposal.before.roles[name].second_factor}  # fmt: skip
    accounts = [one for name in narrowed | factor for one in holders_of(records, name)]
    end_sessions(session, accounts, runtime.clock.now())
    bump(session, WANTED)
    session.execute(text(WAKE))


def holders_of(records: Records, role: str) -> list[int]:
    """The open accounts that hold a role today."""
    runtime = records.runtime
    held = role_holders(records.session, runtime.schema, runtime.models, runtime.moment().today)
    return sorted({one for (name, _), some in held.held.items() if name == role for one in some})


def signed_by(records: Records) -> Signed:
    """The actor of the records, now."""
    account = records.access.actor.account_id
    assert account is not None
    return Signed(account, records.runtime.clock.now(), records.runtime.revision)


def actors_of(records: Records, role: str, most: int) -> list[Actor]:
    """Some of the open accounts that hold a role, with what they may do today."""
    session, runtime = records.session, records.runtime
    held = role_holders(session, runtime.schema, runtime.models, runtime.moment().today)
    persons = {
        one.account: number
        for number, one in people(session, runtime.schema, runtime.models).items()
    }
    accounts = holders_of(records, role)[:most]
    return [held.actor(runtime.schema, one, persons.get(one)) for one in accounts]


# Private


def _now(schema: Schema, cell: Cell) -> Any:
    """What a schema says in a cell; raises NotFound when there is no such cell."""
    role = schema.roles.get(cell.role)
    if cell.key == ROLE:
        return None if role is None else True
    entity = schema.entities.get(cell.entity)
    if entity is None or (cell.field is not None and cell.field not in entity.fields):
        raise NotFound
    return value_of(role, entity, cell)


def _refuse_more(schema: Schema, actor: Actor, role: Role, cell: Cell) -> None:
    for name in [cell.entity] if cell.entity else list(role.may):
        missing = lacking(schema, actor, role, name)
        if missing:
            raise Forbidden(
                _l(
                    "Nobody gives what he does not have: with %(entity)s the role %(role)s has, or would have, what you"
                    " lack (%(what)s).",
                    entity=schema.entities[name].label,
                    role=role.label,
                    what=told(schema, name, missing),
                )
            )


def told(schema: Schema, name: str, missing: Sequence[str]) -> Label:
    """Rights and fields by their names."""
    words = [_word(schema, name, one) for one in missing[:6]]
    more = "…" if len(missing) > 6 else ""
    return Label("、".join(w.zh for w in words) + more, ", ".join(w.en for w in words) + more)


RIGHTS: Mapping[str, Label] = {
    Rights.READ: Label("查看", "read"),
    Rights.CREATE: Label("新建", "create"),
    Rights.EDIT: Label("修改", "edit"),
    Rights.DELETE: Label("删除", "delete"),
    Rights.MOVE: Label("状态操作", "take steps"),
    Rights.EXPORT: Label("导出", "export"),
    Rights.PRINT: Label("打印", "print"),
    Rights.IMPORT: Label("导入", "import"),
    "rows": Label("数据范围", "rows"),
    f"{FIELD}*": Label("敏感信息全部明文", "all sensitive values in clear"),
    ROLE: Label("角色", "role"),
}


def _word(schema: Schema, name: str, what: str) -> Label:
    if what in RIGHTS:
        return RIGHTS[what]
    entity = schema.entities.get(name)
    field = entity.field(what.removeprefix(FIELD)) if entity is not None else None
    return field.label if field is not None else Label(what, what)


def _is_less(former: Any, new: Any) -> bool:
    """Whether a cell allows less than before, looked at alone."""
    if former in SEEN and new in SEEN:
        return SEEN.index(new) > SEEN.index(former)
    if isinstance(former, list) and isinstance(new, list):
        return set(new) < set(former)
    return new is False or former is True


def _taken(one: Difference) -> bool:
    return one.what in TAKING or one.what.startswith(FIELD) or one.what == "rows"


def _note(records: Records, proposal: Proposal, signed: Signed) -> None:
    """One entry for each role with an entity, with each old and new value."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for change in proposal.changes:
        cell = change.cell
        said = found.setdefault((cell.role, cell.entity), {})
        said[cell.key] = [proposal.former[cell], change.new]
    actor, runtime = records.access.actor, records.runtime
    extra = {"approved_by": signed.approved_by, "request": signed.request_id}
    more = {name: value for name, value in extra.items() if value is not None}
    for (role, entity), said in found.items():
        action = AuditAction.ROLE_CHANGED
        if ROLE in said:
            action = AuditAction.ROLE_CREATED if said[ROLE][1] else AuditAction.ROLE_REMOVED
        changes = {"role": role, **({"entity": entity} if entity else {}), **said, **more}
        title = f"{role} · {entity}" if entity else role
        append(
            records.session,
            Entry(
                runtime.clock.now(), actor.account_id, actor.username, action, runtime.revision,
                record_title=title, changes=changes,
            ),
        )  # fmt: skip


def refuse_unless_same(proposal: Proposal, asked: Mapping[Cell, Any]) -> None:
    """Raise Refused when a cell is not what it was when the change was asked for."""
    for cell, former in asked.items():
        if proposal.former.get(cell) != former:
            raise Refused(
                _l(
                    "The roles have changed since this was asked for. Refuse it, and let it be asked anew."
                )
            )
