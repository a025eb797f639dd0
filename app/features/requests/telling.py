"""Writes down what becomes of requests, and tells those whom it concerns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.notifications.service import Document, NewNotice, notify
from app.features.requests.kinds import Kind, Outcome
from app.features.requests.rules import Request
from app.kernel.messages import Label
from app.records.gateway import Records

DOCUMENT = "request"
ADDRESS = "/requests"


@dataclass(frozen=True, slots=True)
class Said:
    """What is told once for each ``when`` of a request, and where it leads."""

    when: str
    title: Label
    body: Label
    path: str


def note(records: Records, request: Request, action: AuditAction, more: Mapping[str, Any]) -> None:
    """Append what was done with a request to the trail."""
    actor, runtime = records.access.actor, records.runtime
    append(
        records.session,
        Entry(
            at=runtime.clock.now(), account_id=actor.account_id, account_name=actor.username,
            action=action, revision=runtime.revision, entity=request.entity, record_title=f"#{request.id}",
            changes={"request": request.id, "kind": request.kind, "digest": request.digest, **more},
        ),
    )  # fmt: skip


def tell_deciders(records: Records, kind: Kind, request: Request, accounts: Iterable[int]) -> None:
    """Tell those who could decide a request that it waits."""
    entity = records.runtime.schema.entities.get(request.entity or "")
    what = entity.label if entity else Label("", "")
    name = records.access.actor.name
    title = Label(f"{name} 申请{kind.label.zh}{what.zh}", f"{name} asks: {kind.label.en} {what.en}")
    body = Label(f"理由：{request.reason}", f"Reason: {request.reason}")
    _tell(records, request, Said("asked", title, body, f"{ADDRESS}/{request.id}"), accounts)


def tell_requester(
    records: Records, kind: Kind, request: Request, outcome: Outcome, *, approved: bool
) -> None:
    """Tell whoever asked how it was decided, and where to go on."""
    said = Label("已批准", "Approved") if approved else Label("已拒绝", "Refused")
    title = Label(f"{said.zh}：{kind.label.zh}（申请 {request.id}）",
                  f"{said.en}: {kind.label.en} (request {request.id})")  # fmt: skip
    path = outcome.path or f"{ADDRESS}/{request.id}"
    said_so = Said("decided", title, Label("", ""), path)
    _tell(records, request, said_so, [request.requester_id])


# Private


def _tell(records: Records, request: Request, said: Said, accounts: Iterable[int]) -> None:
    document = Document(DOCUMENT, request.id, said.path)
    notices = [
        NewNotice(account, f"request:{request.id}:{said.when}:{account}", DOCUMENT, said.title,
                  said.body, red=bool(request.guarded), document=document)
        for account in accounts
    ]  # fmt: skip
    notify(records.session, notices, records.runtime.clock.now())
