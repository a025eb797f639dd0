"""Those who keep the portal: who administers accounts and roles and decides about rights, of whom one must stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, or_, select, text
from sqlalchemy.orm import Session

from app.access.holders import open_accounts, role_holders
from app.access.identity import identity_of
from app.access.session_scope import lowered
from app.kernel.errors import Refused
from app.kernel.messages import Label, _l
from app.language.definitions import Decided, Role
from app.records.runtime import Runtime

# What must always be somebody's, over the whole organisation.
OFFICES: Mapping[str, tuple[Label, Callable[[Role], bool]]] = {
    "accounts": (Label("管理账号", "administers accounts"), lambda role: "accounts" in role.administers),
    "roles": (Label("管理角色", "administers roles"), lambda role: "roles" in role.administers),
    "owner": (
        Label("审批扩大权限", "decides about more rights"),
        lambda role: role.approves.get(Decided.RIGHTS, ()) is None,
    ),
}  # fmt: skip
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('portal_owners'))")
TABLE = "role_assignment"


def owners(session: Session, runtime: Runtime) -> list[int]:
    """The open accounts that hold an office over the whole organisation today."""
    roles = [role.name for role in runtime.schema.roles.values() if _offices(role)]
    held = role_holders(session, runtime.schema, runtime.models, runtime.moment().today)
    return sorted({account for name in roles for account in held.heads(name)})


def is_founding(session: Session, runtime: Runtime, parties: Iterable[int]) -> bool:
    """Whether nobody but these ever held a role that decides about rights.

    Whoever was closed, or lost the role, still counts: else one owner closes the other and is alone.
    """
    held = runtime.models.metadata.tables[TABLE]
    roles = [name for name, role in runtime.schema.roles.items() if "owner" in _offices(role)]
    with lowered(session):
        ever = set(session.scalars(select(held.c.account_id).where(held.c.role.in_(roles))))
    schema, models = runtime.schema, runtime.models
    mine = {part for one in parties for part in identity_of(session, schema, models, one)}
    return all(mine & identity_of(session, schema, models, one) for one in ever)


def refuse_last_assignment(
    session: Session, runtime: Runtime, before: Mapping[str, Any] | None
) -> None:
    """After a change of an assignment, in its transaction: raises Refused when an office is nobody's now."""
    role = runtime.schema.roles.get(str((before or {}).get("role")))
    today = runtime.moment().today
    if before is None or role is None or not _offices(role) or not _in_force(before, today):
        return
    session.execute(ONE_AT_A_TIME)
    _refuse_empty(session, runtime, _offices(role), for_good=before.get("valid_to") is None)


def refuse_last_account(session: Session, runtime: Runtime, account_id: int) -> None:
    """Before an account is closed: raises Refused when it is the last that holds an office."""
    session.execute(ONE_AT_A_TIME)
    held = role_holders(session, runtime.schema, runtime.models, runtime.moment().today)
    mine = {
        office
        for name, role in runtime.schema.roles.items()
        if account_id in held.heads(name)
        for office in _offices(role)
    }
    _refuse_empty(session, runtime, mine, for_good=True, without=account_id)


# Private


def _offices(role: Role) -> set[str]:
    return {name for name, (_, held) in OFFICES.items() if held(role)}


def _in_force(row: Mapping[str, Any], today: date) -> bool:
    until = row.get("valid_to")
    return bool(row["valid_from"] <= today and (until is None or until >= today))


def _refuse_empty(
    session: Session,
    runtime: Runtime,
    offices: Iterable[str],
    *,
    for_good: bool,
    without: int | None = None,
) -> None:
    """One who holds an office until some day is not enough where somebody held it for good."""
    for office in sorted(offices):
        label, holds = OFFICES[office]
        roles = [name for name, role in runtime.schema.roles.items() if holds(role)]
        if not _held(session, runtime, roles, for_good=for_good, without=without):
            raise Refused(
                _l(
                    "After this nobody would be left who %(office)s. Let somebody else hold such a role first,"
                    " without a last day.",
                    office=label,
                )
            )


def _held(
    session: Session, runtime: Runtime, roles: list[str], *, for_good: bool, without: int | None
) -> bool:
    held, today = runtime.models.metadata.tables[TABLE], runtime.moment().today
    tree = runtime.models.metadata.tables[str(runtime.schema.portal.tree)]
    parent = runtime.schema.entities[str(runtime.schema.portal.tree)].tree_parent
    whole: ColumnElement[bool] = held.c.held_at_id.is_(None)
    if parent is not None:
        roots = select(tree.c.id).where(tree.c[f"{parent.name}_id"].is_(None))
        whole = or_(whole, held.c.held_at_id.in_(roots))
    until = held.c.valid_to.is_(None)
    statement = select(held.c.id).where(
        held.c.role.in_(roles),
        held.c.deleted_at.is_(None),
        held.c.valid_from <= today,
        until if for_good else or_(until, held.c.valid_to >= today),
        whole,
        held.c.account_id.in_(open_accounts()),
        held.c.account_id != (without or 0),
    )
    with lowered(session):
        return session.scalar(statement.limit(1)) is not None
