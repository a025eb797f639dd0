"""The ways out of the portal: mail by SMTP, and the robots of group chats."""

from __future__ import annotations

import json
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from app.features.notifications.outward import Attachment, Text, Undelivered, post
from app.kernel.messages import _l
from app.kernel.transport import secure_context
from app.safety import is_remote
from app.settings import Settings

SMTP_SECONDS = 10.0
FEISHU = ("open.feishu.cn", "open.larksuite.com")
MESSENGERS = ("qyapi.weixin.qq.com", "oapi.dingtalk.com")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to send; ``number`` makes its Message-ID, the same at every attempt."""

    to: str
    subject: str
    body: str
    number: str
    at: datetime
    language: str
    files: tuple[Attachment, ...] = ()


def send_mail(settings: Settings, mail: Mail) -> None:
    """Hand a mail to the server of the settings; raises Undelivered."""
    if not settings.mail_url:
        raise Undelivered(_l("No mail server is set."))
    parts = urlsplit(settings.mail_url)
    try:
        with _server(parts.scheme, str(parts.hostname), parts.port) as server:
            if parts.username:
                _refuse_in_clear(server, str(parts.hostname))
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(_message(settings, mail))
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused) as error:
        final = all(code >= 500 for code, _ in _codes(error))
        raise Undelivered(_l("The mail server refused the address."), final=final) from error
    except (OSError, smtplib.SMTPException) as error:
        why = type(error).__name__
        raise Undelivered(_l("The mail server did not take the mail: %(why)s", why=why)) from error


def encryption(settings: Settings) -> str:
    """Greet the mail server: the version of TLS that it speaks, empty without any; raises Undelivered."""
    parts = urlsplit(settings.mail_url)
    try:
        with _server(parts.scheme, str(parts.hostname), parts.port) as server:
            return _version(server)
    except (OSError, smtplib.SMTPException) as error:
        why = type(error).__name__
        raise Undelivered(_l("The mail server did not answer: %(why)s", why=why)) from error


def send_robot(
    settings: Settings, url: str, text: str, notices: Sequence[Text], number: str
) -> None:
    """Let a robot say something in its group; raises Undelivered."""
    host = (urlsplit(url).hostname or "").lower()
    if host in FEISHU:
        said: dict[str, object] = {"msg_type": "text", "content": {"text": text}}
    elif host in MESSENGERS:
        said = {"msgtype": "text", "text": {"content": text}}
    else:
        listed = [{"title": one.title, "url": one.url} for one in notices]
        said = {"id": number, "text": text, "notices": listed}
    headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": number}
    answer = post(url, json.dumps(said, ensure_ascii=False).encode(), settings, headers=headers)
    if not 200 <= answer.status < 300:
        raise Undelivered(_l("The robot answered %(status)s.", status=answer.status))
    fault = _fault(answer.body)
    if fault:
        raise Undelivered(_l("The robot answered %(status)s.", status=fault))


# Private


def _server(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=SMTP_SECONDS, context=secure_context())
    server = smtplib.SMTP(host, port or 25, timeout=SMTP_SECONDS)
    server.ehlo_or_helo_if_needed()
    if server.has_extn("starttls"):
        server.starttls(context=secure_context())
    return server


def _version(server: smtplib.SMTP) -> str:
    return server.sock.version() or "" if isinstance(server.sock, ssl.SSLSocket) else ""


def _refuse_in_clear(server: smtplib.SMTP, host: str) -> None:
    """A server that offers no TLS, or somebody on the way who takes the offer out, gets no password."""
    if not _version(server) and is_remote(host):
        raise Undelivered(
            _l("The mail server offers no encryption, so it was not given the password.")
        )


def _message(settings: Settings, mail: Mail) -> EmailMessage:
    sender = settings.mail_from
    message = EmailMessage()
    message["From"], message["To"] = sender, mail.to
    message["Subject"] = " ".join(mail.subject.split())
    message["Message-ID"] = f"<{mail.number}@{parseaddr(sender)[1].partition('@')[2] or 'portal'}>"
    message["Date"] = format_datetime(mail.at)
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = "zh-Hans" if mail.language == "zh" else "en"
    message.set_content(mail.body)
    for file in mail.files:
        main, _, sub = file.media.partition(";")[0].partition("/")
        message.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name)
    return message


def _codes(error: smtplib.SMTPException) -> Sequence[tuple[int, bytes]]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return list(error.recipients.values())
    return [(error.smtp_code, b"")] if isinstance(error, smtplib.SMTPSenderRefused) else []


def _fault(body: bytes) -> str:
    """What the three messengers say in the body although the status is 200."""
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(said, dict):
        return ""
    code = said.get("errcode", said.get("code", said.get("StatusCode", 0)))
    return str(code) if isinstance(code, int) and code != 0 else ""
