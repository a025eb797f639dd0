"""A log of SM3: founded so for good, evidence that strangers verify with and without it, and no mixing of hashes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from app.audit import verify_bundle as outsider
from app.audit.checkpoints import open_log
from app.audit.figures import Period
from app.audit.keys import load_key, public_bytes
from app.audit.merkle import leaf_hash, root_of
from app.audit.notes import Checkpoint, fingerprint, key_hash, parse, sign
from app.audit.reporting import make_report, said_by
from app.cli.health.trail import look_at_trail
from app.factory import prepare_database
from app.features.trail.paper import draw
from app.kernel.errors import Refused, SettingsError, Unavailable
from app.settings import read_settings
from app.storage.looking import look_at_database
from tests.functional.trail.test_bundles import Bundle, fails, significant, verified
from tests.functional.trail.test_commands import call
from tests.support.servers import Servers
from tests.support.trail import HASHES, MORNING, Log, running_log

# Loads no provider of OpenSSL that has digests: Python goes on with its own SHA-256, and has no SM3.
NO_DIGESTS = "openssl_conf=a\n[a]\nproviders=b\n[b]\nbase=c\n[c]\nactivate=1\n"


@pytest.fixture(scope="module")
def log(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Sixty entries, hashed with SM3, and checkpoints at 41 and 60."""
    with running_log(servers, tmp_path_factory.mktemp("home"), "sm3") as made:
        made.write(40)
        made.checkpoint()
        made.write(19, account_name="east")
        made.checkpoint()
        yield made


def by_hand(bodies: list[bytes]) -> bytes:
    """The root by the definition of RFC 6962, with the SM3 that needs no library."""
    if len(bodies) == 1:
        return outsider.plain_sm3(b"\0" + bodies[0])
    split = 1
    while split * 2 < len(bodies):
        split *= 2
    return outsider.plain_sm3(b"\1" + by_hand(bodies[:split]) + by_hand(bodies[split:]))


def test_the_tree_is_of_sm3_and_the_chain_of_sha256(log: Log) -> None:
    note = log.checkpoint()
    bodies = log.bodies()
    assert note.checkpoint.origin.startswith("storewarden/sm3/")
    assert "\nalgorithm sm3\n" in note.text
    assert note.checkpoint.root == by_hand(bodies[: note.checkpoint.size])
    for before, body in pairwise(bodies):
        assert b"\nprev %s\n" % sha256(b"\0" + before).hexdigest().encode() in body
    assert log.faults() == []
    code, said = call(log, "verify")
    assert (code, said.splitlines()[0]) == (
        0, "The tree over the audit trail is hashed with sm3.",
    )  # fmt: skip


# Evidence


def test_a_bundle_is_verified_with_the_sm3_of_openssl_and_without_it(
    files: Bundle, held: str, tmp_path: Path
) -> None:
    code, said = verified(files, held, tmp_path)
    assert code == 0, said
    assert "HOLDS: 5 entries, checkpoints 41 and 60, log storewarden/sm3/" in said
    none = tmp_path / "openssl.cnf"
    none.write_text(NO_DIGESTS, encoding="ascii")
    environment = {"OPENSSL_CONF": str(none)}
    ask = "import hashlib; hashlib.sha256(b''); hashlib.new('sm3')"
    asked = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ask], env=environment, capture_output=True, check=False
    )
    assert b"ValueError" in asked.stderr
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", "--key", held],
        cwd=tmp_path, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert done.stderr == b""
    assert (done.returncode, done.stdout.decode("utf-8")) == (0, said)
    place = tmp_path / "entries" / "000000000012.txt"
    place.write_bytes(place.read_bytes().replace(b"west", b"East"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", "--key", held],
        cwd=tmp_path, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1


def test_the_command_of_the_explanation_gives_the_leaf(
    files: Bundle, log: Log, tmp_path: Path
) -> None:
    said = files["VERIFY.txt"].decode()
    assert "openssl dgst -sm3" in said
    assert "SM3 (GB/T 32905)" in said
    command = next(line for line in said.splitlines() if "(printf" in line)
    (tmp_path / "entries").mkdir()
    body = files["entries/000000000012.txt"]
    (tmp_path / "entries" / "编号.txt").write_bytes(body)
    shown = subprocess.run(
        ["sh", "-c", "(printf" + command.partition("(printf")[2]],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert outsider.plain_sm3(b"\0" + body).hex() in shown


def test_changed_bytes_of_what_counts_are_caught(files: Bundle, held: str) -> None:
    assert not fails(files, held)
    caught = tried = 0
    for name in files:
        if name in ("VERIFY.txt", "verify.py") or name.endswith((".text", ".sig", "key.pem")):
            continue
        for at in range(0, len(files[name]), 41):
            bent = bytearray(files[name])
            bent[at] ^= 1
            if name == "bundle.json" and significant(bytes(bent)) == significant(files[name]):
                continue
            tried += 1
            caught += fails({**files, name: bytes(bent)}, held)
    assert tried > 100
    assert caught == tried


def test_a_checkpoint_of_an_earlier_day_leads_to_the_newest(log: Log, tmp_path: Path) -> None:
    place, held = tmp_path / "e.zip", fingerprint(public_bytes(load_key(log.home)))
    kept = log.home / "audit" / "checkpoints" / "000000000041.txt"
    code, said = call(
        log, "bundle", "--seq", "50-55", "--checkpoint", str(kept), "--out", str(place)
    )
    assert code == 0, said
    mailed = kept.read_text("utf-8")
    assert outsider.check(outsider.Files(str(place)), held, mailed)
    # The same size and root in the name of a log of SHA-256, signed by the same key, leads nowhere.
    first = parse(mailed).checkpoint
    other = sign(replace(first, origin=first.origin.replace("/sm3/", "/")), load_key(log.home))
    with pytest.raises(outsider.Wrong, match="nothing leads here"):
        outsider.check(outsider.Files(str(place)), held, other.text)
    (tmp_path / "other.txt").write_text(other.text, encoding="utf-8")
    words = ("--seq", "50-55", "--checkpoint", str(tmp_path / "other.txt"), "--out", str(place))
    assert call(log, "bundle", *words)[0] == 1


def test_a_signed_report_names_the_hash_and_is_verified(
    log: Log, held: str, tmp_path: Path
) -> None:
    period = Period(date(2026, 6, 1), date(2026, 6, 15), ZoneInfo("Asia/Shanghai"))
    made = make_report(log.engines.app, log.home, period, MORNING, "test",
                       lambda said, digest: draw(said, digest, {}))  # fmt: skip
    files = dict(made.files)
    assert made.faults == 0
    assert said_by(files["report.json"])["algorithm"] == "sm3"
    code, said = verified(files, held, tmp_path)
    assert code == 0, said
    # A report that names another hash is refused though the key signed it.
    told = json.loads(files["report.json"]) | {"algorithm": "sha256"}
    files["report.json"] = json.dumps(
        told, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    ).encode()
    files["report.json.sig"] = load_key(log.home).sign(files["report.json"])
    assert fails(files, held)


# Mixing


def forged(log: Log, checkpoint: Checkpoint, algorithm: str) -> str:
    """A note that names any hash, well signed with the key of the log."""
    key = load_key(log.home)
    said = checkpoint.text.replace(f"algorithm {checkpoint.algorithm}", f"algorithm {algorithm}")
    known = key_hash(checkpoint.origin, public_bytes(key))
    line = base64.b64encode(known + key.sign(said.encode())).decode()
    return f"{said}\n— {checkpoint.origin} {line}\n"


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
def test_a_note_of_another_hash_is_refused_wherever_it_lies(
    log: Log, files: Bundle, held: str, tmp_path: Path, algorithm: str
) -> None:
    newest = log.checkpoint()
    note = forged(log, newest.checkpoint, algorithm)
    (tmp_path / "mail.txt").write_text(note, encoding="utf-8")
    code, said = call(log, "verify", "--checkpoint", str(tmp_path / "mail.txt"))
    assert (code, "is no checkpoint" in said) == (1, True)
    size = newest.checkpoint.size
    with log.undone():
        change = "UPDATE portal_audit_checkpoint SET note = :note WHERE size = :size"
        log.attack(change, note=note, size=size)
        assert log.faults() == [(size, f"Checkpoint {size} cannot be read.")]
    place = log.home / "audit" / "checkpoints" / f"{size:012d}.txt"
    kept = place.read_bytes()
    place.chmod(0o600)
    place.write_text(note, encoding="utf-8")
    try:
        with pytest.raises(Unavailable, match="is no checkpoint"):
            log.faults()
    finally:
        place.write_bytes(kept)
    bundle = files | {"checkpoint-60.txt": note.encode()}
    code, said = verified(bundle, held, tmp_path / "bundle")
    assert (code, "not the hash of its log" in said) == (1, True)


def test_roots_of_the_other_hash_are_not_those_of_the_log(log: Log) -> None:
    bodies = log.bodies()[:50]
    key = load_key(log.home)
    other = Checkpoint(log.origin, 50, root_of([leaf_hash(body) for body in bodies]), MORNING)
    said = "Checkpoint 50: the entries up to there are not those that it signed."
    assert log.faults(sign(other, key)) == [(50, said)]
    assert log.faults(sign(replace(other, root=by_hand(bodies)), key)) == []


@pytest.mark.parametrize("audit_hash", HASHES)
def test_a_log_that_is_given_the_name_of_another_hash_is_caught(
    servers: Servers, tmp_path: Path, audit_hash: str
) -> None:
    with running_log(servers, tmp_path, audit_hash) as log:
        log.write(300)
        log.checkpoint()
        assert log.faults() == []
        uuid = log.origin.rpartition("/")[2]
        other = f"storewarden/{uuid}" if audit_hash == "sm3" else f"storewarden/sm3/{uuid}"
        log.attack("UPDATE portal_audit_head SET origin = :origin", origin=other)
        found = {seq for seq, _ in log.faults()}
        assert found == set(range(1, 302))
        log.write(1)
        with pytest.raises(Refused, match="no longer holds what checkpoint 301 signed"):
            log.checkpoint()
        log.attack("UPDATE portal_audit_head SET origin = :origin", origin=f"storewarden/sha1/{uuid}")  # fmt: skip
        with pytest.raises(Unavailable, match="hashed with sha1, which this version does not know"):
            log.faults()
        with pytest.raises(Unavailable, match="hashed with sha1"):
            open_log(log.engines.app, log.home, MORNING, "test")


# The setting


@pytest.mark.parametrize(("founded", "later"), [("sm3", "sha256"), ("sha256", "sm3"), ("", "sm3")])
def test_another_hash_is_refused_later_and_the_log_goes_on(
    servers: Servers, tmp_path: Path, founded: str, later: str
) -> None:
    name = founded or "sha256"
    says = f"founded with {name}, which is never changed, but PORTAL_AUDIT_HASH is {later}"
    with running_log(servers, tmp_path, founded) as log:
        log.write(5)
        origin = log.origin
        with pytest.raises(SettingsError, match=says):
            prepare_database(log.engines, later)
        for again in (name, ""):
            prepare_database(log.engines, again)
        assert log.origin == origin
        log.write(5)
        assert log.checkpoint().checkpoint.algorithm == name
        assert log.faults() == []
        settings = read_settings({"PORTAL_HOME": str(tmp_path), "PORTAL_AUDIT_HASH": later})
        with log.engines.app.connect() as connection:
            seen = {
                wanted: next(
                    one
                    for one in look_at_trail(replace(settings, audit_hash=wanted), connection)
                    if one.check == "audit_hash"
                )
                for wanted in (later, name, "")
            }
        assert seen[later].grade == "fault"
        assert says in str(seen[later].says)
        assert seen[name] == seen[""]
        assert str(seen[""].says) == f"The tree over the audit trail is hashed with {name}."


def test_a_host_that_only_looks_refuses_too(servers: Servers, tmp_path: Path) -> None:
    with running_log(servers, tmp_path, "sm3") as log:
        with log.engines.owner.begin() as connection:
            connection.execute(text(
                "INSERT INTO portal_revision (number, digest, sources, applied_by, operations)"
                " VALUES (1, 'x', '{}', 'test', '[]')"
            ))  # fmt: skip
        url = log.engines.app.url.render_as_string(hide_password=False)
        look_at_database(url, "sm3")
        look_at_database(url, "")
        with pytest.raises(SettingsError, match="never changed"):
            look_at_database(url, "sha256")


def test_where_python_has_no_sm3_the_log_is_of_the_same_bytes_by_another_openssl(
    tmp_path: Path,
) -> None:
    none = tmp_path / "openssl.cnf"
    none.write_text(NO_DIGESTS, encoding="ascii")
    ask = "from app.audit.hashing import of_sm3; print(of_sm3().leaf(b'x').hex(), of_sm3().node(b'l', b'r').hex())"
    shown = subprocess.run(
        [sys.executable, "-c", ask], env=os.environ | {"OPENSSL_CONF": str(none)},
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
    ).stdout.split()  # fmt: skip
    assert shown == [
        outsider.plain_sm3(b"\0x").hex(), outsider.plain_sm3(b"\1lr").hex(),
    ]  # fmt: skip
