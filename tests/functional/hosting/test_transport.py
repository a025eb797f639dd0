"""F125: the portal speaks TLS 1.2 or newer to other hosts, and says where it would not."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.cli.health.finding import Grade
from app.cli.health.transport import look_at_transport
from app.features.notifications.channels import Mail, encryption, send_mail
from app.features.notifications.outward import Undelivered, post
from app.settings import Settings, read_settings
from tests.support.letters import letters
from tests.support.old_tls import ANSWER, LOWEST, PLAIN_SMTP, certificate, speaking

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
HOST = "localhost"
MAIL = Mail("a@b.example", "x", "y", "1", datetime(2026, 6, 15, tzinfo=UTC), "en")
OLD, NEW = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate that this machine trusts."""
    place = certificate(tmp_path, HOST)
    monkeypatch.setenv("SSL_CERT_FILE", str(place))
    return place


def settings(home: Path, **given: str) -> Settings:
    """The settings of a portal."""
    return read_settings({"PORTAL_HOME": str(home), "PORTAL_SECRET_KEY": "k" * 43, **given})


def refusal(fault: pytest.ExceptionInfo[Undelivered]) -> str:
    """What the library said, below what people read."""
    return str(fault.value.__cause__)


@pytest.mark.parametrize("version", [OLD, NEW])
def test_robots_and_the_companys_sign_in_are_asked_by_new_tls_alone(
    tmp_path: Path, trusted: Path, version: ssl.TLSVersion
) -> None:
    known = settings(tmp_path, PORTAL_WEBHOOK_HOSTS=HOST, PORTAL_WEBHOOK_PRIVATE="yes")
    with speaking(version, trusted, ANSWER) as port:
        if version is NEW:
            answer = post(f"https://{HOST}:{port}/", b"{}", known, headers={}, resolve=here)
            assert (answer.status, answer.body) == (200, b"ok")
            return
        with pytest.raises(Undelivered) as fault:
            post(f"https://{HOST}:{port}/", b"{}", known, headers={}, resolve=here)
        assert "VERSION" in refusal(fault).upper()
        assert spoken_by_the_old(port, trusted) == "TLSv1.1"


@pytest.mark.parametrize("version", [OLD, NEW])
def test_mails_are_handed_over_by_new_tls_alone(
    tmp_path: Path, trusted: Path, version: ssl.TLSVersion
) -> None:
    with speaking(version, trusted, PLAIN_SMTP, greets=True) as port:
        known = settings(tmp_path, PORTAL_MAIL_URL=f"smtps://{HOST}:{port}")
        if version is NEW:
            assert encryption(known) == "TLSv1.2"
            return
        with pytest.raises(Undelivered) as fault:
            send_mail(known, MAIL)
        assert "VERSION" in refusal(fault).upper()
        assert spoken_by_the_old(port, trusted) == "TLSv1.1"


def test_a_certificate_that_nobody_trusts_is_refused(tmp_path: Path) -> None:
    place = certificate(tmp_path, HOST)
    with speaking(NEW, place, PLAIN_SMTP, greets=True) as port:
        known = settings(tmp_path, PORTAL_MAIL_URL=f"smtps://{HOST}:{port}")
        with pytest.raises(Undelivered) as fault:
            send_mail(known, MAIL)
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(fault)


def test_a_password_goes_to_no_other_host_in_clear(tmp_path: Path) -> None:
    with letters() as (kept, address):
        port = address.rpartition(":")[2]
        # An address that is not this machine's by its name, although it leads here.
        known = settings(tmp_path, PORTAL_MAIL_URL=f"smtp://me:secret@0.0.0.0:{port}")
        with pytest.raises(Undelivered, match="no encryption"):
            send_mail(known, MAIL)
        assert kept.taken == []
        send_mail(settings(tmp_path, PORTAL_MAIL_URL=f"smtp://0.0.0.0:{port}"), MAIL)
        assert [to for to, _ in kept.taken] == ["a@b.example"]
        said = told(settings(tmp_path, PORTAL_MAIL_URL=f"smtp://0.0.0.0:{port}"))
    assert len(said) == 1
    assert "STARTTLS" in said[0]


def here(_host: str, _port: int) -> list[str]:
    """This machine."""
    return ["127.0.0.1"]


def spoken_by_the_old(port: int, place: Path) -> str | None:
    """What a client speaks that allows everything: the server is there, and only too old."""
    context = ssl.create_default_context(cafile=str(place))
    context.set_ciphers(LOWEST)
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as raw,
        context.wrap_socket(raw, server_hostname=HOST) as used,
    ):
        return used.version()


# The doctor


def told(known: Settings, **environment: str) -> list[str]:
    """What is not as it should be."""
    found = list(look_at_transport(known, environment))
    assert {one.check for one in found} == {"transport"}
    return [str(one.says) for one in found if one.grade is not Grade.OK]


FAR = "postgresql://app:long-password@db.example/portal"


@pytest.mark.parametrize(
    ("name", "address", "word"),
    [
        ("PORTAL_DATABASE_URL", FAR, "sslmode prefer"),
        ("PORTAL_DATABASE_URL", f"{FAR}?sslmode=disable", "sslmode disable"),
        ("PORTAL_DATABASE_URL", f"{FAR}?sslmode=verify-full&ssl_min_protocol_version=TLSv1.1", "TLSv1.1"),
        ("PORTAL_DATABASE_URL", "postgresql://app:x@/portal?host=db.example", "sslmode prefer"),
        ("PORTAL_REDIS_URL", "redis://:long-password@cache.example:6379/0", "rediss://"),
        ("PORTAL_OIDC_ISSUER", "http://login.example", "https://"),
        ("PORTAL_PUBLIC_URL", "http://hr.example", "https://"),
        ("PORTAL_DATABASE_URL", f"{FAR}?sslmode=verify-full", ""),
        ("PORTAL_DATABASE_URL", "postgresql://app:x@127.0.0.1/portal", ""),
        ("PORTAL_DATABASE_URL", "postgresql://app:x@/portal?host=/run/postgres", ""),
        ("PORTAL_REDIS_URL", "rediss://:long-password@cache.example:6379/0", ""),
        ("PORTAL_REDIS_URL", "redis://127.0.0.1:6379/0", ""),
        ("PORTAL_OIDC_ISSUER", "https://login.example", ""),
        ("PORTAL_OIDC_ISSUER", "http://localhost:9000", ""),
        ("PORTAL_MAIL_URL", "smtp://127.0.0.1:25", ""),
    ],
)  # fmt: skip
def test_the_doctor_names_what_travels_in_clear(
    tmp_path: Path, name: str, address: str, word: str
) -> None:
    more = (
        {"PORTAL_DATABASE_OWNER_URL": "postgresql://owner:x@127.0.0.1/portal"}
        if "DATABASE" in name
        else {}
    )
    known = settings(tmp_path, **{name: address}, **more)
    said = told(known)
    assert bool(said) is bool(word)
    assert all(name in one and word in one for one in said)


def test_what_libpq_reads_from_its_environment_counts(tmp_path: Path) -> None:
    known = settings(tmp_path, PORTAL_DATABASE_URL=FAR, PORTAL_DATABASE_OWNER_URL=FAR)
    assert len(told(known)) == 2
    assert told(known, PGSSLMODE="verify-full") == []
    assert len(told(known, PGSSLMODE="verify-full", PGSSLMINPROTOCOLVERSION="TLSv1")) == 2


def test_a_mail_server_that_does_not_answer_is_said(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        (said,) = told(settings(tmp_path, PORTAL_MAIL_URL=f"smtp://0.0.0.0:{port}"))
    assert "did not answer" in said
