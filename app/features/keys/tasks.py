"""The background work of changing a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.keys.service import encrypt_anew
from app.kernel.messages import Label
from app.storage.encryption import ring_of
from app.tasks.kinds import TaskKind
from app.tasks.work import Work


def change_key(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Encrypt everything with the newest key; one entry in the trail tells that it is done."""
    done = encrypt_anew(work.engine, work.runtime, work.progress)
    newest = ring_of(work.engine.dialect).keys().newest
    facts = {"key": newest.number, "cipher": newest.cipher, "values": done}
    runtime = work.runtime
    told = Entry(
        at=runtime.clock.now(), account_id=None, account_name="portal keys",
        action=AuditAction.KEY_CHANGED, revision=runtime.revision, facts=facts,
    )  # fmt: skip
    append(work.session, told)
    return {"values": done}


CHANGE_KEY = TaskKind(
    "change_key", Label("用新密钥重新加密", "Encrypt with the new key"), change_key, attempts=10
)
