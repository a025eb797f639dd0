"""``portal audit`` on a terminal."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.audit.notes import parse
from app.cli.main import main
from app.settings import ROOT
from tests.support.servers import Servers
from tests.support.trail import Log, running_log


@pytest.fixture(scope="module")
def log(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Thirty entries."""
    with running_log(servers, tmp_path_factory.mktemp("home")) as made:
        made.write(29)
        yield made


def call(log: Log, *words: str) -> tuple[int, str]:
    """Exit code and everything that was said."""
    render = lambda engine: engine.url.render_as_string(hide_password=False)  # noqa: E731
    environment = {
        "PORTAL_HOME": str(log.home),
        "PORTAL_DATABASE_URL": render(log.engines.app),
        "PORTAL_DATABASE_OWNER_URL": render(log.engines.owner),
        "PORTAL_REDIS_URL": log.servers.redis_url,
        "PORTAL_LANGUAGE": "en",
    }
    done = CliRunner().invoke(main, ["audit", *words], env=environment)
    return done.exit_code, done.output


def test_verify_checkpoint_key_and_rotation(log: Log, tmp_path: Path) -> None:
    code, said = call(log, "verify")
    assert (code, said.splitlines()) == (0, [
        "The tree over the audit trail is hashed with sha256.",
        "Entries 1 to 30 and 0 checkpoints were verified; faults: 0.",
    ])  # fmt: skip
    code, said = call(log, "checkpoint")
    assert code == 0
    note = parse(said[: said.index("Kept in")])
    assert note.checkpoint.size == 30
    kept = log.home / "audit" / "checkpoints" / "000000000030.txt"
    assert kept.read_text("utf-8") == note.text
    assert stat.S_IMODE(kept.stat().st_mode) == 0o400
    assert stat.S_IMODE((log.home / "audit" / "key.pem").stat().st_mode) == 0o400
    _, said = call(log, "key")
    first = said.splitlines()[0]
    assert re.fullmatch("[0-9a-f]{64}", first)
    code, said = call(log, "rotate-key")
    assert code == 0
    assert call(log, "key")[1].splitlines()[0] == said.strip() != first
    mailed = tmp_path / "mailed.txt"
    mailed.write_bytes(
        f"Subject: x\n\n请保留。\n\n{note.text}\n-- \nbye\n".replace("\n", "\r\n").encode()
    )
    assert call(log, "verify", "--checkpoint", str(mailed))[0] == 0
    assert "\nEntries 31 to 31 and" in call(log, "verify", "--since-last")[1]


def test_openssl_checks_a_checkpoint(log: Log, tmp_path: Path) -> None:
    log.write(1)
    note = log.checkpoint()
    (tmp_path / "key.pem").write_text(call(log, "key")[1].partition("\n")[2], encoding="ascii")
    (tmp_path / "text").write_bytes(note.checkpoint.text.encode())
    (tmp_path / "signature").write_bytes(note.signature)
    words = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "text",
             "-sigfile", "signature"]  # fmt: skip
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Signature Verified Successfully" in done.stdout + done.stderr


def test_a_fault_ends_with_one_and_one_sentence(log: Log) -> None:
    with log.undone():
        log.attack("UPDATE portal_audit_entry SET account_name = 'x' WHERE id = 7")
        code, said = call(log, "verify")
    assert code == 1
    assert said.splitlines()[0] == "Entry 7: the columns that lists show are not what was sealed."
    assert said.endswith("faults: 1.\n")


def test_what_is_no_checkpoint_is_said(log: Log, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello", encoding="ascii")
    code, said = call(log, "verify", "--checkpoint", str(tmp_path / "x"))
    assert code == 1
    assert "is no checkpoint" in said


def test_the_key_is_refused_when_others_may_read_it(log: Log) -> None:
    key = log.home / "audit" / "key.pem"
    key.chmod(0o444)
    try:
        code, said = call(log, "key")
    finally:
        key.chmod(0o400)
    assert code == 1
    assert "chmod" in said


def test_commands_stand_in_the_help() -> None:
    done = subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "-m", "app.cli", "audit", "--help"], cwd=ROOT, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=True,
    )  # fmt: skip
    assert "rotate-key" in done.stdout
