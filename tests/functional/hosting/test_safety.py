"""Unsafe configurations: the real command does not start, and says why and what to do."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.main import main
from app.safety import refuse_unsafe
from app.settings import ROOT, read_settings

KEY = secrets.token_hex(32)
GOOD = "aUlf4Rn0nYw2Kx"
OPEN = {
    "PORTAL_HOST": "0.0.0.0",  # noqa: S104 - it is refused
    "PORTAL_TRUSTED_HOSTS": "hr.chain.example",
    "PORTAL_PUBLIC_URL": "https://hr.chain.example",
    "PORTAL_COOKIE_SECURE": "yes",
}
TWO_ROLES = {
    "PORTAL_DATABASE_URL": f"postgresql://app:{GOOD}@db.example/portal",
    "PORTAL_DATABASE_OWNER_URL": f"postgresql://owner:{GOOD}2@db.example/portal",
}

# The environment, and a part of the sentence.
UNSAFE = {
    "flask debug": ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG is set, which is for debugging only"),
    "flask environment": ({"FLASK_ENV": "development"}, "unset FLASK_ENV"),
    "debug pin": ({"WERKZEUG_DEBUG_PIN": "off"}, "unset WERKZEUG_DEBUG_PIN"),
    "development mode": ({"PYTHONDEVMODE": "1"}, "unset PYTHONDEVMODE"),
    "short key": ({"PORTAL_SECRET_KEY": "short"}, "at least 32 characters long"),
    "repeated key": ({"PORTAL_SECRET_KEY": "changeme" * 4}, "characters that repeat; make a new one"),
    "known key": (
        {"PORTAL_SECRET_KEY": "please-change-this-secret-key-1234"},
        "words that everybody tries first; make a new one: python3 -c",
    ),
    "key used twice": (
        {"PORTAL_SECRET_KEY": KEY, "PORTAL_REDIS_URL": f"redis://:{KEY}@127.0.0.1/0"},
        "PORTAL_SECRET_KEY is also the password in PORTAL_REDIS_URL",
    ),
    "default database password": (
        TWO_ROLES | {"PORTAL_DATABASE_URL": "postgresql://postgres:postgres@127.0.0.1/portal"},
        "The password in PORTAL_DATABASE_URL is empty or well known; give the role postgres",
    ),
    "no password to another host": (
        TWO_ROLES | {"PORTAL_DATABASE_OWNER_URL": "postgresql://owner@db.example/portal"},
        "The password in PORTAL_DATABASE_OWNER_URL is empty",
    ),
    "one role for all": (
        TWO_ROLES | {"PORTAL_DATABASE_OWNER_URL": f"{TWO_ROLES['PORTAL_DATABASE_URL']}?sslmode=require"},
        "use the same account, so the pages could change and drop tables",
    ),
    "open redis": ({"PORTAL_REDIS_URL": "redis://queue.example/0"}, "requirepass"),
    "any host name": (
        OPEN | {"PORTAL_TRUSTED_HOSTS": ""}, "PORTAL_HOST=0.0.0.0 is open to others, but PORTAL_TRUSTED_HOSTS",
    ),
    "public without https": (
        OPEN | {"PORTAL_PUBLIC_URL": "http://hr.chain.example"}, "PORTAL_PUBLIC_URL is not an https:// address",
    ),
    "cookies without https": (OPEN | {"PORTAL_COOKIE_SECURE": "no"}, "set PORTAL_COOKIE_SECURE=yes"),
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def serve(home, monkeypatch):
    """Run the command in this process; whatever goes on to start something fails the test."""
    for name in [name for name in os.environ if name.startswith("PORTAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PORTAL_HOME", str(home))
    monkeypatch.setenv("PORTAL_LANGUAGE", "en")
    monkeypatch.setattr("app.hosting.launch.make_home", lambda home: pytest.fail("it started"))

    def run(*words, **environment):
        for name, text in environment.items():
            monkeypatch.setenv(name, text)
        return CliRunner().invoke(main, ["serve", *words])

    return run


@pytest.mark.parametrize("case", UNSAFE)
def test_it_does_not_start_and_says_why_in_one_sentence(serve, home, case):
    environment, part = UNSAFE[case]
    done = serve(**environment)
    assert done.exit_code == 1
    assert part in done.output
    assert len(done.output.splitlines()) == 1
    assert not (home / "postgres").exists()


@pytest.mark.parametrize("case", UNSAFE)
def test_each_sentence_is_told_in_chinese_too(serve, case):
    done = serve(**UNSAFE[case][0], PORTAL_LANGUAGE="zh")
    assert any("\u4e00" <= char <= "\u9fff" for char in done.output), done.output


def test_what_is_safe_may_start(home, monkeypatch):
    for name, text in (OPEN | TWO_ROLES).items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("PORTAL_HOME", str(home))
    refuse_unsafe(read_settings(), prepares=True)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    monkeypatch.setenv("PORTAL_SECRET_KEY", KEY)
    monkeypatch.setenv("PORTAL_HOME", str(home / "not" / "yet"))
    refuse_unsafe(read_settings(), prepares=True)


def test_a_demo_is_not_opened_to_others(serve):
    assert "add --no-demo" in serve("--demo", **OPEN).output


def test_a_home_or_key_that_others_may_read_is_refused_with_the_remedy(serve, home):
    home.mkdir(mode=0o700)
    home.chmod(0o750)
    assert f"(mode 750); run: chmod go-rw {home}" in serve().output
    home.chmod(0o700)
    (home / "secret_key").chmod(0o640)
    assert f"run: chmod go-rwx {home}/secret_key" in serve().output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_key_of_another_account_is_refused(serve, home):
    home.mkdir(mode=0o700)
    (home / "secret_key").write_text(KEY, encoding="ascii")
    (home / "secret_key").chmod(0o600)
    os.chown(home / "secret_key", 65534, 65534)
    assert "belongs to another account" in serve().output


@pytest.mark.parametrize(
    "words", [("-m", "app.cli", "serve"), ("-m", "app.cli", "work"), ("-m", "app.cli", "prepare"),
              ("-c", "from app.factory import create_app_from_environment as a; a()")],
)  # fmt: skip
def test_every_way_to_start_refuses(home, words):
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PORTAL_")}
    own = {"PORTAL_HOME": str(home), "PORTAL_LANGUAGE": "en", "FLASK_DEBUG": "true"}
    own |= TWO_ROLES | {"PORTAL_REDIS_URL": f"redis://:{GOOD}@queue.example/0"}
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=kept | own, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 1
    assert "FLASK_DEBUG is set" in done.stderr
