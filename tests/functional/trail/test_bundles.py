"""Evidence bundles, verified as an outsider does: in an empty environment, without anything of the portal."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.audit import verify_bundle as outsider
from app.audit.bundles import between, make_bundle, of_account_is, of_record_is
from app.audit.checkpoints import rotate_key
from app.audit.keys import load_key, new_key, public_bytes, public_pem
from app.audit.merkle import consistency_proof, inclusion_proof, leaf_hash, root_of
from app.audit.notes import Checkpoint, fingerprint, parse, sign
from app.kernel.errors import NotFound, Refused
from tests.functional.trail.test_commands import call
from tests.support.servers import Servers
from tests.support.trail import MORNING, Log, running_log

Bundle = dict[str, bytes]


@pytest.fixture(scope="module")
def log(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Sixty entries and checkpoints at 41 and 60."""
    with running_log(servers, tmp_path_factory.mktemp("home")) as made:
        made.write(40)
        made.checkpoint()
        made.write(19, account_name="east")
        made.checkpoint()
        yield made


def verified(files: Bundle, key: str, folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and words of the bundle's own program, run alone."""
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", "--key", key, *words],
        cwd=folder, env={}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.stderr == b""
    return done.returncode, done.stdout.decode("utf-8")


def test_a_bundle_is_verified_without_anything_of_the_portal(
    files: Bundle, held: str, tmp_path: Path
) -> None:
    code, said = verified(files, held, tmp_path)
    assert code == 0, said
    assert "HOLDS: 5 entries, checkpoints 41 and 60" in said
    assert "顾客8" in said
    assert "顾客30" not in "".join(content.decode("utf-8", "replace") for content in files.values())
    spaced = ":".join(held[at : at + 2] for at in range(0, 64, 2)).upper()
    assert verified(files, spaced, tmp_path)[0] == 0


def test_a_checkpoint_from_a_mail_must_be_one_of_the_bundle(
    log: Log, files: Bundle, held: str, tmp_path: Path
) -> None:
    (tmp_path / "mail.txt").write_bytes(files["checkpoint-60.txt"].replace(b"\n", b"\r\n"))
    code, said = verified(files, held, tmp_path, "--checkpoint", "mail.txt")
    assert code == 0
    assert "at hand agrees" in said
    mine = parse(files["checkpoint-60.txt"].decode()).checkpoint
    other = sign(Checkpoint(mine.origin, 50, mine.root, MORNING), load_key(log.home))
    (tmp_path / "mail.txt").write_text(other.text, encoding="utf-8")
    assert verified(files, held, tmp_path, "--checkpoint", "mail.txt")[0] == 1


def test_entries_are_chosen_by_record_account_and_number(log: Log) -> None:
    with log.engines.app.connect() as connection:
        assert make_bundle(connection, of_record_is(connection, "buyer", 12)).count == 2
        assert make_bundle(connection, of_account_is("east")).count == 19
        with pytest.raises(NotFound):
            make_bundle(connection, of_account_is("nobody"))


def test_values_can_be_left_out_and_erased(log: Log, held: str, tmp_path: Path) -> None:
    with log.engines.app.connect() as connection:
        files = make_bundle(connection, between(10, 14), lambda row: row.id != 12).files
    assert "values/000000000012.txt" not in files
    code, said = verified(files, held, tmp_path)
    assert code == 0
    assert "not enclosed" in said


def test_the_explanation_is_one_page_in_both_languages(files: Bundle, held: str) -> None:
    said = files["VERIFY.txt"].decode()
    assert held in said
    assert "法释〔2018〕16号" in said
    assert "HOW TO VERIFY" in said
    assert len(said.splitlines()) <= 50
    assert "{" not in said


def test_the_commands_of_the_explanation_work_with_openssl_alone(
    files: Bundle, held: str, tmp_path: Path
) -> None:
    for name, content in files.items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    lines = files["VERIFY.txt"].decode().splitlines()
    commands = ["openssl" + line.partition("openssl")[2] for line in lines if "  openssl " in line]
    piped = ["(printf" + line.partition("(printf")[2] for line in lines if "(printf" in line]
    piped += [
        "cat values" + line.partition("cat values")[2].partition("（")[0]
        for line in lines
        if "cat values" in line
    ]

    def run(command: str) -> str:
        ready = command.replace("编号", "000000000012")
        return subprocess.run(
            ["sh", "-c", ready], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    assert held in run(commands[0])
    assert "Verified Successfully" in run(commands[1])
    body = files["entries/000000000012.txt"]
    assert leaf_hash(body).hex() in run(piped[0])
    assert json.loads(body.rpartition(b"\n")[2])["values"] in run(piped[1])


# Attacks


def test_every_changed_byte_of_what_counts_is_caught(files: Bundle, held: str) -> None:
    assert not fails(files, held)
    caught = tried = 0
    for name in files:
        if name in ("VERIFY.txt", "verify.py") or name.endswith((".text", ".sig", "key.pem")):
            continue
        for at in range(0, len(files[name]), 7):
            bent = bytearray(files[name])
            bent[at] ^= 1
            if name == "bundle.json" and significant(bytes(bent)) == significant(files[name]):
                continue
            tried += 1
            caught += fails({**files, name: bytes(bent)}, held)
    assert tried > 900
    assert caught == tried


def significant(text: bytes) -> object:
    """What a verifier reads of the list in a bundle; None when it cannot be read."""
    try:
        told = json.loads(text)
    except ValueError:
        return None
    return [told.get(key) for key in ("covers", "newest", "consistency", "entries")]


class Memory(outsider.Files):
    """A bundle that was never written."""

    def __init__(self, files: Bundle) -> None:
        self.files = files

    def read(self, name: str) -> bytes:
        """A file; raises Wrong when it is missing."""
        if name not in self.files:
            raise outsider.Wrong(name)
        return self.files[name]

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return name in self.files


def fails(files: Bundle, key: str) -> bool:
    """Whether the verifier refuses a bundle; in this process, for speed."""
    try:
        outsider.check(Memory(files), key, None)
    except (outsider.Wrong, ValueError, KeyError, TypeError, IndexError):
        return True
    return False


def test_another_public_key_is_refused_whatever_it_signed(
    log: Log, files: Bundle, held: str, tmp_path: Path
) -> None:
    forger = new_key()
    forged = dict(files)
    forged["key.pem"] = public_pem(forger).encode()
    for size in (41, 60):
        note = sign(parse(files[f"checkpoint-{size}.txt"].decode()).checkpoint, forger)
        forged[f"checkpoint-{size}.txt"] = note.text.encode()
    code, said = verified(forged, held, tmp_path)
    assert code == 1
    assert "fingerprint" in said
    assert verified(forged, fingerprint(public_bytes(forger)), tmp_path)[0] == 0


def test_a_bundle_of_one_log_with_the_checkpoint_of_another_is_refused(
    servers: Servers, log: Log, files: Bundle, held: str, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    with running_log(servers, tmp_path / "home") as other:
        other.write(59)
        foreign = other.checkpoint()
    assert fails({**files, "checkpoint-60.txt": foreign.text.encode()}, held)
    # Even when the owner's key is used for both logs, their names keep them apart.
    same_key = sign(foreign.checkpoint, load_key(log.home))
    assert fails({**files, "checkpoint-60.txt": same_key.text.encode()}, held)


def test_swapped_entries_values_and_numbers_are_refused(files: Bundle, held: str) -> None:
    one, two = "000000000010", "000000000011"
    for folder, ending in (("entries", "txt"), ("values", "txt"), ("values", "salt")):
        changed = dict(files)
        changed[f"{folder}/{one}.{ending}"], changed[f"{folder}/{two}.{ending}"] = (
            files[f"{folder}/{two}.{ending}"], files[f"{folder}/{one}.{ending}"],
        )  # fmt: skip
        assert fails(changed, held)
    told = json.loads(files["bundle.json"])
    told["entries"][0]["seq"], told["entries"][1]["seq"] = 11, 10
    assert fails({**files, "bundle.json": json.dumps(told).encode()}, held)
    told = json.loads(files["bundle.json"])
    told["entries"] = []
    assert fails({**files, "bundle.json": json.dumps(told).encode()}, held)


@pytest.mark.parametrize(("covers", "newest"), [(0, 60), (41, 0), (0, 0), (60, 41)])
def test_empty_and_turned_checkpoints_are_refused(
    files: Bundle, held: str, covers: int, newest: int
) -> None:
    told = json.loads(files["bundle.json"]) | {
        "covers": covers,
        "newest": newest,
        "consistency": [],
    }
    changed = {**files, "bundle.json": json.dumps(told).encode()}
    for size in (covers, newest):
        changed.setdefault(
            f"checkpoint-{size}.txt",
            files["checkpoint-41.txt"].replace(b"\n41\n", b"\n%d\n" % size),
        )
    assert fails(changed, held)


def test_after_a_rotation_only_the_new_key_counts(servers: Servers, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with running_log(servers, home) as log:
        log.write(10)
        log.checkpoint()
        old = load_key(home)
        new = rotate_key(log.engines.app, home, MORNING, "test")
        with (
            log.engines.app.connect() as connection,
            pytest.raises(Refused, match="not signed yet"),
        ):
            make_bundle(connection, between(3, 4))
        log.write(5)
        last = log.checkpoint().checkpoint
        with log.engines.app.connect() as connection:
            files = make_bundle(connection, between(3, 4)).files
        assert not fails(files, new)
        again = {**files, f"checkpoint-{last.size}.txt": sign(last, old).text.encode()}
        assert fails(again, new)
        assert fails({**again, "key.pem": public_pem(old).encode()}, new)


# The verifier's own parts against other ways to the same


def test_the_outsiders_signatures_agree_with_the_library() -> None:
    chance = random.Random(7)
    for length in (0, 1, 63, 200):
        key = Ed25519PrivateKey.generate()
        public, text = public_bytes(key), chance.randbytes(length)
        signature = key.sign(text)
        assert outsider.signed(public, text, signature)
        assert not outsider.signed(public, text + b"x", signature)
        for at in (0, 31, 32, 63):
            bent = bytearray(signature)
            bent[at] ^= 1
            assert not outsider.signed(public, text, bytes(bent))
        # A signature whose scalar is not below the order of the group is another spelling (RFC 8032, 5.1.7).
        high = int.from_bytes(signature[32:], "little") + outsider.Q
        assert not outsider.signed(public, text, signature[:32] + high.to_bytes(32, "little"))
        assert not outsider.signed(public[:31], text, signature)


def test_points_have_one_spelling() -> None:
    one, signed_one = (1).to_bytes(32, "little"), (1 | 1 << 255).to_bytes(32, "little")
    assert outsider.point_of(one) == (0, 1, 1, 0)
    assert outsider.point_of(signed_one) is None
    assert outsider.point_of((outsider.P + 1).to_bytes(32, "little")) is None
    assert outsider.point_of(outsider.P.to_bytes(32, "little")) is None
    # y = 2 is on no point of the curve.
    assert outsider.point_of((2).to_bytes(32, "little")) is None


def test_the_outsiders_signature_has_the_vector_of_rfc_8032() -> None:
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert outsider.signed(public, b"\x72", signature)
    assert not outsider.signed(public, b"\x73", signature)


def test_the_outsiders_proofs_hold_for_every_tree_up_to_40() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(40)]
    subtree = lambda begin, end: root_of(leaves[begin:end])  # noqa: E731
    roots = {size: root_of(leaves[:size]) for size in range(1, 41)}
    for size in range(1, 41):
        for index in range(size):
            proof = inclusion_proof(index, size, subtree)
            assert outsider.included(leaves[index], index, size, proof, roots[size])
            assert not outsider.included(
                leaves[index], index, size, [*proof, roots[1]], roots[size]
            )
            assert not outsider.included(roots[size][::-1], index, size, proof, roots[size])
            assert size == 1 or not outsider.included(
                leaves[index], (index + 1) % size, size, proof, roots[size]
            )
        for old in range(1, size + 1):
            proof = consistency_proof(old, size, subtree)
            assert outsider.consistent(old, size, roots[old], roots[size], proof)
            assert not outsider.consistent(old, size, roots[old][::-1], roots[size], proof)
            assert not outsider.consistent(old, size, roots[old], roots[size][::-1], proof)
            assert not outsider.consistent(old, size, roots[old], roots[size], [*proof, roots[1]])
            assert not proof or not outsider.consistent(
                old, size, roots[old], roots[size], proof[:-1]
            )
    assert not outsider.included(leaves[0], 0, 0, [], leaves[0])
    assert not outsider.included(b"short", 0, 1, [], b"short")
    assert not outsider.consistent(0, 1, b"", leaves[0], [])
    assert not outsider.consistent(1, 1, b"short", b"short", [])
    # Without any proof nothing follows, also where no old root could stand in for its beginning.
    assert not outsider.consistent(3, 5, roots[3], roots[5], [])
    assert not outsider.consistent(4, 5, roots[4], roots[5], [])


# The command


def other_note(log: Log, folder: Path) -> Path:
    """A checkpoint that the log's key signed for a history that the log does not have."""
    mine = log.checkpoint().checkpoint
    forged = sign(Checkpoint(mine.origin, 41, mine.root, MORNING), load_key(log.home))
    (folder / "other.txt").write_text(forged.text, encoding="utf-8")
    return folder / "other.txt"


def test_the_command_writes_a_zip_and_notes_that(log: Log, held: str, tmp_path: Path) -> None:
    place = tmp_path / "e.zip"
    code, said = call(log, "bundle", "--record", "buyer/12", "--out", str(place))
    assert code == 0, said
    assert "2 entries were written" in said
    with zipfile.ZipFile(place) as archive:
        archive.extractall(tmp_path / "out")
    done = subprocess.run([sys.executable, "-I", str(tmp_path / "out" / "verify.py"), "--key", held, str(place)],
                          capture_output=True, check=False, env={})  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert b'"action":"audit:evidence"' in log.bodies()[-1]
    # Somebody who kept the checkpoint of an earlier day is led from it to the newest.
    kept = log.home / "audit" / "checkpoints" / "000000000041.txt"
    code, _ = call(log, "bundle", "--seq", "50-55", "--checkpoint", str(kept), "--out", str(place))
    assert code == 0
    words = [sys.executable, "-I", str(tmp_path / "out" / "verify.py"), "--key", held]
    for wanted, mine in ((0, kept), (1, other_note(log, tmp_path))):
        done = subprocess.run(
            [*words, "--checkpoint", str(mine), str(place)], capture_output=True, check=False
        )
        assert done.returncode == wanted, done.stdout
    assert (
        call(log, "bundle", "--seq", "3-4", "--checkpoint", str(mine), "--out", str(place))[0] == 1
    )
    assert call(log, "bundle")[0] == 2
    assert call(log, "bundle", "--seq", "x")[0] == 2
    assert "no such record" in call(log, "bundle", "--record", "buyer/99999")[1]
