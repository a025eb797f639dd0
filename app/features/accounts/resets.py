"""A way back for whoever forgot a password: a link to the holder's own address, which nobody else ever sees.

Where no mail leads to the holder, those who stand high enough are told, and see to it themselves.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from hmac import compare_digest, digest
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.access.accounts import account_state
from app.audit.actions import AuditAction
from app.features.accounts.rank import helpers
from app.features.accounts.service import Desk, note
from app.features.notifications.channels import Mail, send_mail
from app.features.notifications.delivering import public_url
from app.features.notifications.service import Document, NewNotice, notify
from app.kernel.errors import Gone, Refused
from app.kernel.messages import Label, _l
from app.records.accounts import known_by, username_of
from app.records.runtime import Runtime
from app.settings import Settings
from app.storage.session_tables import PORTAL_RESET as TABLE
from app.tasks.kinds import TaskKind
from app.tasks.outbox import NewTask, enqueue
from app.tasks.work import Work

LASTS = timedelta(hours=1)
NOTICE = "account"
USED_UP = _l("This link is used up or too old. Ask for a new one.")
LABEL = Label("发送重设密码的链接", "Send a link for a new password")
SUBJECT = Label("设置新密码", "Choose a new password")
BODY = Label(
    "{portal} 的管理员 {by} 为账号 {username} 发起了密码重设。\n\n"
    "请在一小时内打开下面的链接，自己设置新密码：\n\n{url}\n\n"
    "链接只能用一次，请不要转发给任何人。如果不是您要求的，不必处理：原密码继续有效，请告诉您的主管。",
    "{by}, who administers {portal}, has begun a reset of the password of {username}.\n\n"
    "Open this link within an hour and choose a new password yourself:\n\n{url}\n\n"
    "It works once. Hand it to nobody. If you did not ask for it, do nothing: your password still holds."
    " Tell the one above you.",
)
HELP: Mapping[str, Label] = {
    "password": Label("{by} 请你为账号 {username} 重设密码",
                      "{by} asks you to give {username} a new password"),
    "open": Label("{by} 请你启用账号 {username}", "{by} asks you to open the account {username}"),
}  # fmt: skip


def send_link(desk: Desk, runtime: Runtime, account_id: int) -> None:
    """Let a link go to the holder's own address; the old password holds until it is used."""
    account = account_state(desk.session, account_id)
    if not account.active:
        raise Refused(_l("This account is closed."))
    nonce = secrets.token_hex(32)
    values = {"nonce": nonce, "epoch": account.epoch, "expires_at": desk.now + LASTS}
    statement = insert(TABLE).values(account_id=account_id, **values)
    desk.session.execute(
        statement.on_conflict_do_update(index_elements=["account_id"], set_=values)
    )
    given = {"account": account_id, "by": desk.actor.name}
    enqueue(desk.session, runtime, NewTask(SEND_RESET.name, LABEL, given))
    username = username_of(desk.session, account_id)
    note(desk, AuditAction.RESET_SENT, username, {})
    title = Label(f"{desk.actor.name} 给你发了重设密码的链接",
                  f"{desk.actor.name} has sent you a link for a new password")  # fmt: skip
    body = Label(
        "如果不是你要求的，请告诉主管。", "If you did not ask for it, tell the one above you."
    )
    key = f"account:reset:{account_id}:{nonce[:12]}"
    notify(desk.session, [NewNotice(account_id, key, NOTICE, title, body)], desk.now)


def ask_others(desk: Desk, runtime: Runtime, account_id: int, deed: str) -> int:
    """Tell those who may do it that somebody asks for it; how many. Raises Refused when there is nobody."""
    told = helpers(desk.session, runtime, desk.actor, account_id)
    username = username_of(desk.session, account_id)
    if not told:
        raise Refused(
            _l(
                "This account may more than you do, and nobody else here may do this. Passwords are set on the"
                " server too: portal users set-password %(username)s",
                username=username,
            )
        )
    words = {"by": desk.actor.name, "username": username}
    title = Label(*(text.format(**words) for text in (HELP[deed].zh, HELP[deed].en)))
    body = Label("这个账号的权限比对方大，请先当面或电话核实。",
                 "The account may more than who asks. Make sure by voice first.")  # fmt: skip
    key = f"account:{deed}:{account_id}:{runtime.moment().today}"
    document = Document("account", account_id, "/accounts/")
    notices = [NewNotice(one, f"{key}:{one}", NOTICE, title, body, red=True, document=document)
               for one in told]  # fmt: skip
    notify(desk.session, notices, desk.now)
    note(desk, AuditAction.HELP_ASKED, username, {"asked": deed})
    return len(told)


def mail_leads_to(session: Session, settings: Settings, account_id: int) -> bool:
    """Whether a mail reaches the holder of an account."""
    return bool(settings.mail_url and known_by(session, account_id)[0])


def open_link(
    session: Session, settings: Settings, account_id: int, code: str, now: datetime
) -> str:
    """The name of the account that a link is for; raises Gone for any that is not good, or not any more.

    Whatever ends the sessions of an account ends its link.
    """
    row = session.execute(select(TABLE).where(TABLE.c.account_id == account_id)).first()
    if row is None or not compare_digest(_code(settings, account_id, row.nonce), code):
        raise Gone(USED_UP)
    account = account_state(session, account_id)
    if not account.active or account.epoch != row.epoch or now >= row.expires_at:
        raise Gone(USED_UP)
    return username_of(session, account_id)


def use_up(session: Session, account_id: int) -> None:
    """Forget a link, in the transaction of what it was used for; raises Gone when somebody was quicker."""
    gone = delete(TABLE).where(TABLE.c.account_id == account_id).returning(TABLE.c.account_id)
    if session.execute(gone).first() is None:
        raise Gone(USED_UP)


def link_of(settings: Settings, account_id: int, nonce: str) -> str:
    """The address to open."""
    return f"{public_url(settings)}/login/reset/{account_id}/{_code(settings, account_id, nonce)}"


def send(work: Work, arguments: Mapping[str, Any]) -> None:
    """Send the mail of a link that still holds."""
    account_id, now = int(arguments["account"]), work.runtime.clock.now()
    row = work.session.execute(select(TABLE).where(TABLE.c.account_id == account_id)).first()
    if row is None or now >= row.expires_at:
        return
    address, _ = known_by(work.session, account_id)
    words = {
        "portal": work.runtime.schema.portal.label.text(work.language),
        "by": str(arguments["by"]),
        "username": username_of(work.session, account_id),
        "url": link_of(work.settings, account_id, row.nonce),
    }
    subject, body = SUBJECT.text(work.language), BODY.text(work.language).format(**words)
    number = f"reset-{account_id}-{row.nonce[:12]}"
    send_mail(work.settings, Mail(address, subject, body, number, now, work.language))


SEND_RESET = TaskKind("account_reset_mail", LABEL, send)


# Private


def _code(settings: Settings, account_id: int, nonce: str) -> str:
    """Nobody makes it without the key in the home: neither a reader of the database nor of the queue."""
    key = hashlib.sha256(b"password reset:" + settings.secret_key.encode()).digest()
    made = digest(key, f"{account_id}:{nonce}".encode(), "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")
