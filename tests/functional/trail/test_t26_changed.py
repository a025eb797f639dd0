"""T26: somebody with all rights over the database changes the trail. Each attack of section 3.5 is counted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.audit.checkpoints import announcements, rotate_key
from app.audit.keys import load_key, new_key
from app.audit.notes import Checkpoint, sign
from app.audit.shelf import shelved
from app.audit.verifying import Sealed, Verifier, rows
from tests.support.servers import Servers
from tests.support.trail import HASHES, MORNING, Log, running_log

ENTRIES = 60
SEALED = ("body", "prev", "leaf", "salt")


@pytest.fixture(scope="module")
def log(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Sixty entries and the one of the key, with three checkpoints."""
    with founded(servers, tmp_path_factory.mktemp("home"), "sha256") as made:
        yield made


@pytest.fixture(scope="module")
def sm3_log(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """The same, hashed with SM3."""
    with founded(servers, tmp_path_factory.mktemp("home"), "sm3") as made:
        yield made


@contextmanager
def founded(servers: Servers, home: Path, audit_hash: str) -> Iterator[Log]:
    """A log with three checkpoints."""
    with running_log(servers, home, audit_hash) as made:
        for count in (20, 20, 19):
            made.write(count)
            made.checkpoint()
        yield made


@pytest.fixture(scope="module", params=["log", "sm3_log"])
def either(request: pytest.FixtureRequest) -> Log:
    """The log, and the same one hashed with SM3."""
    found: Log = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def kept(log: Log) -> tuple[str, list[Sealed]]:
    """The origin and every row of the untouched log."""
    with log.engines.owner.connect() as connection:
        origin = connection.scalar(text("SELECT origin FROM portal_audit_head"))
        return str(origin), list(rows(connection, 0))


def caught(origin: str, changed: list[Sealed], size: int = ENTRIES) -> bool:
    """Whether the chain alone shows it, without any checkpoint."""
    verifier = Verifier(origin)
    return any(True for _ in verifier.findings(changed)) or any(
        True for _ in verifier.remaining(size)
    )


def test_the_untouched_log_fits(log: Log, kept: tuple[str, list[Sealed]]) -> None:
    assert log.faults() == []
    assert len(kept[1]) == ENTRIES
    assert not caught(*kept)


def test_every_flipped_bit_of_every_row_is_caught(kept: tuple[str, list[Sealed]]) -> None:
    origin, found = kept
    flips, missed = 0, []
    for place, whole in enumerate(found):
        before = found[place - 1].leaf if place else bytes(32)
        for column, bit, bent in flipped(whole):
            verifier = Verifier(origin)
            verifier.progress.size, verifier.progress.leaf = place, before
            after = found[place + 1 : place + 2]
            flips += 1
            if not any(True for _ in verifier.findings([bent, *after])):
                missed.append((whole.id, column, bit))
    assert missed == []
    assert flips == sum(8 * len(getattr(row, name) or b"") for row in found for name in SEALED)
    assert flips > 200_000


def flipped(row: Sealed) -> Iterator[tuple[str, int, Sealed]]:
    """The row with one bit of its bytes turned, for each of them."""
    for column in SEALED:
        whole = getattr(row, column) or b""
        for bit in range(len(whole) * 8):
            bent = bytearray(whole)
            bent[bit // 8] ^= 1 << bit % 8
            changed: dict[str, Any] = {column: bytes(bent)}
            yield column, bit, row._replace(**changed)


def test_every_removed_row_is_caught(kept: tuple[str, list[Sealed]]) -> None:
    origin, found = kept
    assert sum(caught(origin, found[:at] + found[at + 1 :]) for at in range(ENTRIES)) == ENTRIES


def test_every_swap_of_two_rows_is_caught(kept: tuple[str, list[Sealed]]) -> None:
    origin, found = kept
    number = 0
    for one, two in combinations(range(ENTRIES), 2):
        changed = list(found)
        changed[one] = found[two]._replace(id=found[one].id)
        changed[two] = found[one]._replace(id=found[two].id)
        number += caught(origin, changed)
    assert number == ENTRIES * (ENTRIES - 1) // 2


def test_every_inserted_and_every_doubled_row_is_caught(kept: tuple[str, list[Sealed]]) -> None:
    origin, found = kept
    for at in range(ENTRIES):
        doubled = [*found[: at + 1], found[at], *found[at + 1 :]]
        assert caught(origin, doubled)
        later = [row._replace(id=row.id + 1) for row in found[at:]]
        assert caught(origin, [*found[:at], found[at], *later], ENTRIES + 1)


def test_every_swap_of_personal_values_is_caught(kept: tuple[str, list[Sealed]]) -> None:
    origin, found = kept
    valued = [at for at, row in enumerate(found) if row.told is not None]
    for one, two in combinations(valued[:30], 2):
        changed = list(found)
        changed[one] = found[one]._replace(told=found[two].told, salt=found[two].salt)
        changed[two] = found[two]._replace(told=found[one].told, salt=found[one].salt)
        assert caught(origin, changed)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("account_name", "'boss'"), ("account_id", "1"), ("action", "'record:removed'"), ("entity", "'bed'"),
        ("record_id", "4711"), ("revision", "2"), ("address", "'10.0.0.1'"), ("at", "at + interval '1 second'"),
        ("noted_at", "noted_at + interval '1 second'"), ("clock_back", "true"),
    ],
)  # fmt: skip
def test_a_changed_column_of_lists_is_caught(log: Log, column: str, value: str) -> None:
    with log.undone():
        log.attack(f"UPDATE portal_audit_entry SET {column} = {value} WHERE id = 30")
        found = log.faults()
    assert {seq for seq, _ in found} == {30}
    assert log.faults() == []


def test_values_that_are_gone_or_strange_are_caught(log: Log) -> None:
    with log.undone():
        log.attack("DELETE FROM portal_audit_value WHERE id = 12")
        assert [seq for seq, says in log.faults() if "values are gone" in says] == [12]
    with log.undone():
        log.attack("INSERT INTO portal_audit_value (id, salt, told) VALUES (900, '\\x00', '{}')")
        assert [seq for seq, _ in log.faults()] == [900]
    with log.undone():
        log.attack("UPDATE portal_audit_value SET told = replace(told, '话', '谎') WHERE id = 13")
        assert [seq for seq, _ in log.faults()] == [13]


def test_a_log_with_all_hashes_recomputed_is_caught_by_checkpoints_alone(either: Log) -> None:
    log = either
    bodies = log.bodies()
    alone = with_checkpoints = 0
    tried = (2, 21, 40, 41, 60)
    for number in tried:
        with log.undone():
            forged = list(bodies)
            forged[number - 1] = forged[number - 1].replace(b'"name":"west"', b'"name":"east"')
            log.rewrite(forged)
            log.attack(f"UPDATE portal_audit_entry SET account_name = 'east' WHERE id = {number}")
            with log.engines.owner.connect() as connection:
                origin = str(connection.scalar(text("SELECT origin FROM portal_audit_head")))
                alone += caught(origin, list(rows(connection, 0)))
            with_checkpoints += bool(log.faults())
    assert (alone, with_checkpoints) == (0, len(tried))
    assert log.faults() == []


def test_a_log_rewritten_from_any_row_on_is_caught_by_checkpoints_alone(
    log: Log, kept: tuple[str, list[Sealed]]
) -> None:
    origin, found = kept
    notes = shelved(log.home)
    assert notes[-1].checkpoint.size == ENTRIES
    alone = with_checkpoints = 0
    for begin in range(ENTRIES):
        forged = rewritten(found, begin)
        alone += caught(origin, forged)
        with_checkpoints += any(True for _ in Verifier(origin, notes).findings(forged))
    assert (alone, with_checkpoints) == (0, ENTRIES)


def rewritten(found: list[Sealed], begin: int) -> list[Sealed]:
    """Another revision in one row, with every hash from there on worked out anew."""
    made = found[:begin]
    previous = made[-1].leaf if made else bytes(32)
    said = b'"revision":%d' % found[begin].revision
    assert said in found[begin].body
    other = found[begin]._replace(body=found[begin].body.replace(said, b'"revision":9'), revision=9)
    for row in (other, *found[begin + 1 :]):
        body = row.body.replace(row.prev.hex().encode(), previous.hex().encode())
        leaf = hashlib.sha256(b"\0" + body).digest()
        made.append(row._replace(body=body, prev=previous, leaf=leaf))
        previous = leaf
    return made


def test_other_spellings_of_the_same_value_are_caught(log: Log) -> None:
    bodies = log.bodies()
    for old, new in ((b'"revision":1', b'"revision":1.0'), (b'"revision":1', b'"revision": 1'),
                     (b'"revision":1', b'"revision":1e0'), (b'"name":"west"', b'"name":"\\u0077est"'),
                     (b'"name":"west"', b'"name":"west","name":"west"'), (b'"account":7,', b""),
                     (b'"name":"west"', '"name":"e\u0301"'.encode())):  # fmt: skip
        with log.undone():
            forged = list(bodies)
            assert old in forged[58]
            forged[58] = forged[58].replace(old, new, 1)
            log.rewrite(forged)
            # Without the checkpoints, too: there is one spelling.
            with log.engines.owner.connect() as connection:
                origin = str(connection.scalar(text("SELECT origin FROM portal_audit_head")))
                assert caught(origin, list(rows(connection, 0)))


def test_two_checkpoints_of_one_size_contradict_each_other(either: Log) -> None:
    log = either
    last = log.checkpoint().checkpoint
    other = Checkpoint(last.origin, last.size, hashlib.sha256(b"other").digest(), MORNING)
    found = log.faults(sign(other, load_key(log.home)))
    assert any("contradict" in says for _, says in found)


def test_a_checkpoint_of_another_key_or_another_log_is_refused(either: Log) -> None:
    log = either
    last = log.checkpoint().checkpoint
    assert any("not signed with the key" in says for _, says in log.faults(sign(last, new_key())))
    other = Checkpoint("storewarden/other", last.size, last.root, MORNING)
    assert any("another log" in says for _, says in log.faults(sign(other, load_key(log.home))))


@pytest.mark.parametrize("audit_hash", HASHES)
def test_a_kept_root_of_a_block_that_was_changed_is_caught(
    servers: Servers, tmp_path: Path, audit_hash: str
) -> None:
    with running_log(servers, tmp_path, audit_hash) as log:
        log.write(300)
        log.checkpoint()
        assert log.faults() == []
        log.attack("UPDATE portal_audit_block SET root = sha256('x')")
        assert [says for _, says in log.faults()] == [
            "The root that is kept for the block up to entry 256 is wrong."
        ]
        log.write(5)
        with pytest.raises(Exception, match="no longer holds what checkpoint"):
            log.checkpoint()


@pytest.mark.parametrize("audit_hash", HASHES)
def test_a_whole_key_rotation_fits_and_the_old_key_is_worth_nothing_afterwards(
    servers: Servers, tmp_path: Path, audit_hash: str
) -> None:
    with running_log(servers, tmp_path, audit_hash) as log:
        log.write(12)
        log.checkpoint()
        old = load_key(log.home)
        shown = rotate_key(log.engines.app, log.home, MORNING, "test")
        log.write(12)
        last = log.checkpoint().checkpoint
        assert log.faults() == []
        assert (
            hashlib.sha256(load_key(log.home).public_key().public_bytes_raw()).hexdigest() == shown
        )
        found = log.faults(sign(last, old))
        assert [says for _, says in found] == [
            f"Checkpoint {last.size} is signed with a key that had been replaced."
        ]
        with log.engines.app.connect() as connection:
            facts = json.loads(
                log.bodies()[announcements(connection)[1].seq - 1].rpartition(b"\n")[2]
            )["facts"]
        assert facts["fingerprint"] == shown
        assert facts["replaces"] == hashlib.sha256(old.public_key().public_bytes_raw()).hexdigest()
