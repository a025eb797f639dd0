"""What goes out of the portal: by mail to a real SMTP server, to robots over real HTTP, and nowhere else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message as Letter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import text

from app.features.notifications import service
from app.features.notifications.delivering import deliver
from app.features.notifications.outward import Undelivered, check_address, may_connect, post
from app.features.notifications.rules import after_quiet, break_after, wait_after
from app.features.notifications.service import NewNotice, Preference
from app.kernel.messages import Label
from app.settings import Settings
from tests.support.chain import ZONE, Chain

MONDAY = date(2026, 8, 10)


class Letters:
    """An SMTP server's memory; ``refuse`` makes it answer that it is not ready."""

    def __init__(self) -> None:
        self.taken: list[Letter] = []
        self.refuse = False

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - their name
        if self.refuse:
            return "451 try again later"
        self.taken.append(message_from_bytes(envelope.content))
        return "250 taken"

    def body(self, number: int) -> str:
        """What a mail says."""
        return bytes(self.taken[number].get_payload(decode=True)).decode()

    def subjects(self) -> list[str]:
        """What the mails announce."""
        return [str(make_header(decode_header(str(one["Subject"])))) for one in self.taken]


@dataclass
class Robot:
    """A group's robot over HTTP, on this machine."""

    port: int = 0
    said: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    status: int = 200
    answer: bytes = b'{"errcode": 0}'
    location: str = ""


@contextmanager
def smtp(letters: Letters, port: int = 0) -> Iterator[Controller]:
    controller = Controller(letters, hostname="127.0.0.1", port=port or _free_port())
    controller.start()
    try:
        yield controller
    finally:
        controller.stop()


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def robot() -> Iterator[Robot]:
    known = Robot()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            known.paths.append(self.path)
            known.said.append(json.loads(body))
            self.send_response(known.status)
            if known.location:
                self.send_header("Location", known.location)
            self.end_headers()
            self.wfile.write(known.answer)

        do_GET = do_POST  # noqa: N815 - their name

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield known
    server.shutdown()
    server.server_close()


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def settings(chain: Chain, **values: Any) -> Settings:
    return replace(chain.portal.settings, mail_from="守店 <portal@chain.example>", **values)


def tell(
    chain: Chain, who: str, key: str, *, red: bool = False, about: tuple[str, int] | None = None
) -> None:
    """A notice for somebody."""
    entity, number = about or (None, None)
    with chain.session() as session:
        service.notify(
            session,
            [NewNotice(chain.accounts[who], key, "test", Label(f"标题{key}", f"Title {key}"), Label("正文", "Text"),
                       entity, number, red)],
            chain.portal.clock.now(),
        )  # fmt: skip


def send(chain: Chain, known: Settings, now: datetime) -> dict[str, int]:
    return deliver(chain.portal.engines.app, chain.portal.runtime, known, now)


def states(chain: Chain) -> list[tuple[str, str]]:
    with chain.portal.engines.owner.connect() as connection:
        rows = connection.execute(text("SELECT channel, state FROM portal_delivery ORDER BY id"))
        return [(row.channel, row.state) for row in rows]


def test_a_day_brings_one_mail_and_urgent_ones_at_once(chain: Chain, letters: Letters) -> None:
    contract = chain.contract(chain.person("邮件"), date(2026, 9, 30))
    with smtp(letters) as server:
        known = settings(
            chain, mail_url=f"smtp://127.0.0.1:{server.port}", public_url="https://hr.chain.example"
        )
        now = chain.at(MONDAY)
        for key in ("一", "二", "三"):
            tell(chain, "head", key, about=("contract", contract))
        assert send(chain, known, now) == {"sent": 3}
        assert letters.subjects() == ["[守店] 3 条提醒"]
        body = letters.body(0)
        assert "标题一" in body
        assert f"https://hr.chain.example/contract/show/{contract}" in body
        tell(chain, "head", "四")
        assert send(chain, known, now + timedelta(hours=1)) == {}
        tell(chain, "head", "五", red=True)
        assert send(chain, known, now + timedelta(hours=1)) == {"sent": 1}
        assert letters.subjects()[1:] == ["[守店] 标题五"]
        assert send(chain, known, now + timedelta(hours=23)) == {}
        assert send(chain, known, now + timedelta(hours=24)) == {"sent": 1}
        assert letters.subjects()[2:] == ["[守店] 标题四"]
    assert len({str(one["Message-ID"]) for one in letters.taken}) == 3
    assert all(str(one["Auto-Submitted"]) == "auto-generated" for one in letters.taken)


def test_a_mail_is_written_in_the_language_of_its_reader(chain: Chain, letters: Letters) -> None:
    with chain.portal.engines.owner.begin() as connection:
        connection.execute(
            text("INSERT INTO portal_preference (account_id, language) VALUES (:id, 'en')"
                 " ON CONFLICT (account_id) DO UPDATE SET language = 'en'"),
            {"id": chain.accounts["money"]},
        )  # fmt: skip
    with smtp(letters) as server:
        known = settings(chain, mail_url=f"smtp://127.0.0.1:{server.port}")
        now = chain.at(MONDAY)
        tell(chain, "money", "x")
        send(chain, known, now)
    assert letters.subjects() == ["[Storewarden] Title x"]
    with chain.portal.engines.owner.begin() as connection:
        connection.execute(text("DELETE FROM portal_preference"))
    assert "Choose here what you get by mail" in letters.body(0)


def test_mail_down_for_a_while_is_sent_once_when_it_is_back(chain: Chain, letters: Letters) -> None:
    port = _free_port()
    known = settings(chain, mail_url=f"smtp://127.0.0.1:{port}")
    now = chain.at(MONDAY)
    for who in ("head", "boss", "money"):
        tell(chain, who, who)
    for minutes in (0, 1, 5, 30, 60):
        counts = send(chain, known, now + timedelta(minutes=minutes))
        assert set(counts) <= {"waiting"}
    letters.refuse = True
    with smtp(letters, port):
        assert set(send(chain, known, now + timedelta(hours=8))) == {"waiting"}
        letters.refuse = False
        for hours in (15, 16, 22, 40):
            send(chain, known, now + timedelta(hours=hours))
    assert sorted(letters.subjects()) == ["[守店] 标题boss", "[守店] 标题head", "[守店] 标题money"]
    assert states(chain) == [("mail", "sent")] * 3


def test_several_senders_send_once(chain: Chain, letters: Letters) -> None:
    with smtp(letters) as server:
        known = settings(chain, mail_url=f"smtp://127.0.0.1:{server.port}")
        now = chain.at(MONDAY)
        for who in ("head", "boss", "money", "admin", "area", "store"):
            for number in range(5):
                tell(chain, who, f"{who}{number}")
        threads = [threading.Thread(target=send, args=(chain, known, now)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(letters.taken) == 6
    assert states(chain) == [("mail", "sent")] * 30


def test_a_sender_that_died_is_made_up_for_under_the_same_message_id(
    chain: Chain, letters: Letters
) -> None:
    with smtp(letters) as server:
        known = settings(chain, mail_url=f"smtp://127.0.0.1:{server.port}")
        now = chain.at(MONDAY)
        tell(chain, "head", "断")
        send(chain, known, now)
        with chain.portal.engines.owner.begin() as connection:
            connection.execute(
                text("UPDATE portal_delivery SET state = 'sending', lease_until = :at"), {"at": now}
            )
        assert send(chain, known, now + timedelta(minutes=6)) == {"sent": 1}
    assert len({str(one["Message-ID"]) for one in letters.taken}) == 1


def test_what_may_no_longer_be_seen_is_withheld(chain: Chain, letters: Letters) -> None:
    contract = chain.contract(chain.person("收回"), date(2026, 9, 30))
    with smtp(letters) as server:
        known = settings(chain, mail_url=f"smtp://127.0.0.1:{server.port}")
        now = chain.at(MONDAY)
        for who in ("store", "money", "seller", "boss"):
            tell(chain, who, who, about=("contract", contract))
        revoke = "UPDATE role_assignment SET valid_to = :to WHERE account_id = :id AND role = 'store_manager'"
        close = "UPDATE ab_user SET active = :active WHERE id = :id"
        with chain.portal.engines.owner.begin() as connection:
            connection.execute(
                text(revoke), {"id": chain.accounts["store"], "to": date(2026, 8, 9)}
            )
            connection.execute(text(close), {"id": chain.accounts["money"], "active": False})
        try:
            assert send(chain, known, now) == {"withheld": 3, "sent": 1}
        finally:
            with chain.portal.engines.owner.begin() as connection:
                connection.execute(text(revoke), {"id": chain.accounts["store"], "to": None})
                connection.execute(text(close), {"id": chain.accounts["money"], "active": True})
    assert letters.subjects() == ["[守店] 标题boss"]
    with chain.portal.engines.owner.connect() as connection:
        reasons = set(
            connection.scalars(text("SELECT error FROM portal_delivery WHERE state = 'withheld'"))
        )
    assert reasons == {"record out of reach", "account closed"}


def test_what_is_handled_meanwhile_is_not_sent(chain: Chain, letters: Letters) -> None:
    with smtp(letters) as server:
        known = settings(chain, mail_url=f"smtp://127.0.0.1:{server.port}")
        now = chain.at(MONDAY)
        tell(chain, "head", "做完")
        with chain.portal.engines.owner.begin() as connection:
            connection.execute(text("UPDATE portal_notice SET handled_at = now()"))
        assert send(chain, known, now) == {"withheld": 1}
    assert letters.taken == []


def test_nothing_piles_up_for_a_mail_server_that_is_not_set(chain: Chain) -> None:
    now = chain.at(MONDAY)
    tell(chain, "head", "空")
    assert send(chain, settings(chain), now) == {}
    assert states(chain) == [("mail", "withheld")]


def test_quiet_hours_hold_back_all_but_urgent_ones(chain: Chain, letters: Letters) -> None:
    with chain.session() as session:
        service.prefer(session, chain.accounts["head"], Preference(quiet=(time(21), time(8))))
    with smtp(letters) as server:
        known = settings(chain, mail_url=f"smtp://127.0.0.1:{server.port}")
        night = chain.at(MONDAY, 23)
        tell(chain, "head", "夜")
        tell(chain, "head", "急", red=True)
        assert send(chain, known, night) == {"sent": 1}
        assert letters.subjects() == ["[守店] 标题急"]
        assert send(chain, known, chain.at(date(2026, 8, 11), 7)) == {}
        assert send(chain, known, chain.at(date(2026, 8, 11), 8)) == {"sent": 1}


def test_without_a_mail_address_or_against_the_wish_nothing_is_queued(chain: Chain) -> None:
    chain.at(MONDAY)
    with chain.session() as session:
        service.prefer(session, chain.accounts["head"], Preference(mail=False))
    with chain.portal.engines.owner.begin() as connection:
        connection.execute(
            text("UPDATE ab_user SET email = 'x@portal.invalid' WHERE id = :id"),
            {"id": chain.accounts["boss"]},
        )
    tell(chain, "head", "a")
    tell(chain, "boss", "b")
    assert states(chain) == []
    with chain.portal.engines.owner.begin() as connection:
        connection.execute(
            text("UPDATE ab_user SET email = 'boss@chain.example' WHERE id = :id"),
            {"id": chain.accounts["boss"]},
        )


def test_the_robot_of_a_group_hears_titles_only(chain: Chain, robot: Robot) -> None:
    url = f"http://127.0.0.1:{robot.port}/hook?key=1"
    with chain.session() as session:
        service.prefer(session, chain.accounts["head"], Preference(mail=False, robot_url=url))
    known = settings(chain, webhook_hosts=("127.0.0.1",), webhook_private=True)
    now = chain.at(MONDAY)
    tell(chain, "head", "群")
    assert send(chain, known, now) == {"sent": 1}
    assert robot.paths == ["/hook?key=1"]
    assert robot.said[0]["text"].startswith("标题群\nhttp")
    assert "正文" not in json.dumps(robot.said, ensure_ascii=False)


def test_a_robot_that_fails_is_left_alone_for_a_while_and_then_told_once(
    chain: Chain, robot: Robot
) -> None:
    url = f"http://127.0.0.1:{robot.port}/hook"
    people = ("head", "boss", "money", "admin", "area", "store")
    with chain.session() as session:
        for who in people:
            service.prefer(session, chain.accounts[who], Preference(mail=False, robot_url=url))
    known = settings(chain, webhook_hosts=("127.0.0.1",), webhook_private=True)
    now = chain.at(MONDAY)
    robot.answer = b'{"errcode": 45009}'
    for who in people:
        tell(chain, who, who)
    send(chain, known, now)
    assert len(robot.said) == 5
    robot.answer = b'{"errcode": 0}'
    assert send(chain, known, now + timedelta(minutes=4)) == {}
    for minutes in (10, 30, 120):
        send(chain, known, now + timedelta(minutes=minutes))
    assert states(chain) == [("robot", "sent")] * 6
    assert len(robot.said) == 11


def test_a_robot_post_cut_off_in_the_middle_is_not_repeated(chain: Chain, robot: Robot) -> None:
    url = f"http://127.0.0.1:{robot.port}/hook"
    with chain.session() as session:
        service.prefer(session, chain.accounts["head"], Preference(mail=False, robot_url=url))
    known = settings(chain, webhook_hosts=("127.0.0.1",), webhook_private=True)
    now = chain.at(MONDAY)
    tell(chain, "head", "断")
    with chain.portal.engines.owner.begin() as connection:
        connection.execute(
            text("UPDATE portal_delivery SET state = 'sending', message = 'm', lease_until = :at"),
            {"at": now},
        )
    send(chain, known, now + timedelta(minutes=6))
    assert states(chain) == [("robot", "unsure")]
    assert robot.said == []


# No way inside


ADDRESSES = (
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://[::1]:{port}/", "http://0x7f000001:{port}/",
    "http://2130706433:{port}/", "http://0177.0.0.1:{port}/", "http://localhost:{port}/", "http://localtest:{port}/",
    "http://0.0.0.0:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://qyapi.weixin.qq.com@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@qyapi.weixin.qq.com/", "http://127.0.0.1:{port}\\@qyapi.weixin.qq.com/",
    "https://qyapi.weixin.qq.com.localhost:{port}/", "file:///etc/passwd", "gopher://127.0.0.1:{port}/_x",
    "ftp://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http:///x", "javascript:alert(1)", "http://127。0。0。1:{port}/",
    "https://ｑyapi.weixin.qq.com/", "http://[::]:{port}/", "http://127.0.0.1:{port}\r\nHost: x/", "",
)  # fmt: skip


@pytest.mark.parametrize("url", ADDRESSES)
def test_t33_no_address_leads_inside(chain: Chain, robot: Robot, url: str) -> None:
    known = settings(chain)
    address = url.replace("{port}", str(robot.port))
    assert check_address(address, known) is not None
    with pytest.raises(Undelivered):
        post(address, b"{}", known, headers={})
    assert robot.paths == []


@pytest.mark.parametrize(
    "found",
    ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
     "::ffff:127.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1",
     "255.255.255.255", "::", "not an address"],
)  # fmt: skip
def test_t33_a_name_that_leads_inside_is_refused(chain: Chain, robot: Robot, found: str) -> None:
    """An allowed host whose look-up gives an inner address, alone or beside an outer one."""
    known = settings(chain, webhook_hosts=("hooks.example",))
    assert not may_connect(found)
    for answer in ([found], ["93.184.216.34", found]):
        with pytest.raises(Undelivered) as caught:
            post(
                f"https://hooks.example:{robot.port}/",
                b"{}",
                known,
                headers={},
                resolve=lambda *_, a=answer: a,
            )
        assert caught.value.final
    assert robot.paths == []


def test_t33_the_name_is_looked_up_once(chain: Chain, robot: Robot) -> None:
    """A look-up that would lead inside the second time is never asked a second time."""
    known = settings(chain, webhook_hosts=("hooks.example",), webhook_private=True)
    answers = iter(["127.0.0.1"])
    answer = post(
        f"http://hooks.example:{robot.port}/x",
        b"{}",
        known,
        headers={},
        resolve=lambda *_: [next(answers)],
    )
    assert answer.status == 200
    assert may_connect("93.184.216.34")
    assert may_connect("2606:2800:220:1::1")


def test_t33_nobody_is_sent_on(chain: Chain, robot: Robot) -> None:
    robot.status, robot.location = 302, f"http://127.0.0.1:{robot.port}/inside"
    known = settings(chain, webhook_hosts=("127.0.0.1",), webhook_private=True)
    assert post(f"http://127.0.0.1:{robot.port}/", b"{}", known, headers={}).status == 302
    assert robot.paths == ["/"]


def test_t33_a_long_answer_is_cut_and_a_slow_one_given_up(chain: Chain, robot: Robot) -> None:
    robot.answer = b"x" * 1_000_000
    known = settings(chain, webhook_hosts=("127.0.0.1",), webhook_private=True)
    assert len(post(f"http://127.0.0.1:{robot.port}/", b"{}", known, headers={}).body) == 64 * 1024
    import socket

    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        with pytest.raises(Undelivered):
            post(f"http://127.0.0.1:{deaf.getsockname()[1]}/", b"{}", known, headers={})


# Rules


def test_waits_grow_and_end() -> None:
    assert [wait_after(number).total_seconds() for number in (1, 2, 3, 9)] == [60, 240, 960, 21600]
    assert [break_after(number) for number in (1, 4)] == [None, None]
    assert [break_after(number) for number in (5, 6, 50)] == [
        timedelta(minutes=5), timedelta(minutes=10), timedelta(hours=6)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        ("22:00", "08:00+1"),
        ("07:59", "08:00"),
        ("08:00", "08:00"),
        ("12:00", "12:00"),
        ("21:00", "08:00+1"),
    ],
)
def test_quiet_hours_end_in_the_morning(at: str, wanted: str) -> None:
    moment = datetime.combine(MONDAY, time.fromisoformat(at), ZONE)
    clock, _, days = wanted.partition("+")
    end = datetime.combine(MONDAY + timedelta(days=int(days or 0)), time.fromisoformat(clock), ZONE)
    assert after_quiet(moment, (time(21), time(8)), ZONE) == end
