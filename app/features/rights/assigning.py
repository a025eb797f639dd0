"""Giving somebody a role that goes beyond the giver's own rights: done once a second person agrees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.access.accounts import load_actor
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.notifications.service import NewNotice, notify
from app.features.requests.doing import named_door, stated_door, unchanged
from app.features.requests.kinds import Line
from app.features.requests.rules import Request
from app.kernel.errors import Forbidden, Refused
from app.kernel.messages import Label, _l
from app.language.definitions import Rights
from app.records.accounts import ROLE_ASSIGNMENT, known_by, username_of
from app.records.gateway import Records
from app.records.giving import has_authority, may_hand_on
from app.records.guarding import from_plain
from app.records.owners import ONE_AT_A_TIME, is_founding, owners
from app.records.titles import load_titles

Given = Mapping[str, Any]
KIND = "account"


def described(records: Records, given: Given) -> Iterator[Line]:
    """Who shall hold which role, where and when."""
    runtime, language = records.runtime, records.reader.language
    entity, role = runtime.entity(ROLE_ASSIGNMENT), runtime.schema.roles.get(str(given["role"]))
    tree = str(runtime.schema.portal.tree)
    keys = [("account", given["account"])]
    keys += [(tree, given["held_at"])] if given["held_at"] is not None else []
    titles = load_titles(records.session, runtime, keys, language)
    yield Line(entity.fields["account"].label, titles.get(keys[0], "—"))
    # Whoever made the account chose its address, and may still know its password.
    mail, first = known_by(records.session, int(given["account"]))
    yield Line(_l("E-mail"), mail or "—")
    if first:
        yield Line(_l("Password"), _l("Not chosen by its holder yet"))
    name = role.label if role is not None else Label(str(given["role"]), str(given["role"]))
    yield Line(entity.fields["role"].label, name)
    place = titles.get(keys[1], "—") if len(keys) > 1 else _l("The whole organisation")
    yield Line(entity.fields["held_at"].label, place)
    for day in ("valid_from", "valid_to"):
        value = from_plain(given[day])
        yield Line(entity.fields[day].label, "—" if value is None else value.isoformat())


def refuse_decider(records: Records, given: Given) -> None:
    """Raise Forbidden unless the decider has what the role has, or is the one whom others ask for it."""
    schema, actor = records.runtime.schema, records.access.actor
    role = schema.roles.get(str(given["role"]))
    if role is None:
        return
    if not may_hand_on(schema, actor, role):
        raise Forbidden(_l("None of your roles decides this request."))


def give_alone(records: Records, given: Given) -> str:
    """Give a role at once, where nobody but giver and receiver ever decided about rights; its address, else "".

    So a new portal gets its first owners. It stands in the trail under a name of its own, and every owner is told.
    """
    runtime, session, actor = records.runtime, records.session, records.access.actor
    role, account = runtime.schema.roles.get(str(given["role"])), int(given["account"])
    giver = actor.account_id
    if role is None or giver is None or not may_hand_on(runtime.schema, actor, role):
        return ""
    session.execute(ONE_AT_A_TIME)
    if not is_founding(session, runtime, (giver, account)):
        return ""
    read = dict.fromkeys(runtime.schema.entities, frozenset({Rights.READ}))
    door = named_door(records, {**read, ROLE_ASSIGNMENT: frozenset({Rights.READ, Rights.CREATE})},
                      "the first owners")  # fmt: skip
    values = {name: from_plain(value) for name, value in given.items()}
    number = door.create(ROLE_ASSIGNMENT, values)
    now, username = runtime.clock.now(), username_of(session, account)
    entry = Entry(now, giver, actor.username, AuditAction.ROLE_GIVEN_ALONE, runtime.revision,
                  record_title=f"{username} · {role.name}")  # fmt: skip
    append(session, entry)
    title = Label(f"{actor.name} 一人授予了 {username} 角色“{role.label.zh}”",
                  f"{actor.name} alone has given {username} the role {role.label.en}")  # fmt: skip
    body = Label("当时还没有第二个能审批的人。如有疑问，请停用该账号。",
                 "Nobody else could decide yet. If it was not meant, close that account.")  # fmt: skip
    key = f"role:alone:{number}"
    notify(session, [NewNotice(one, f"{key}:{one}", KIND, title, body, red=True)
                     for one in owners(session, runtime)], now)  # fmt: skip
    return f"/{ROLE_ASSIGNMENT}/show/{number}"


def give(records: Records, request: Request) -> None:
    """Write the assignment in the decider's name, if the one who asked may still give roles at all."""
    runtime, given = records.runtime, request.payload["assign"]
    today = runtime.moment().today
    asker = load_actor(records.session, runtime.schema, runtime.models, request.requester_id, today)
    role = runtime.schema.roles.get(str(given["role"]))
    gives = any(
        Rights.CREATE in grant.role.may[ROLE_ASSIGNMENT].rights
        for grant in asker.grants
        if ROLE_ASSIGNMENT in grant.role.may
    )
    if role is None or not gives or not has_authority(asker, role):
        raise Refused(_l("Whoever asked for this may not give it any more. It cannot be approved."))
    read = dict.fromkeys(runtime.schema.entities, frozenset({Rights.READ}))
    own = frozenset({Rights.READ, Rights.CREATE})
    door = stated_door(records, request, {**read, ROLE_ASSIGNMENT: own})
    values = {name: from_plain(value) for name, value in given.items()}
    unchanged(lambda: door.create(ROLE_ASSIGNMENT, values))
