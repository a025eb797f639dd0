"""Evidence bundles: chosen entries with all that an outsider needs to verify them, and nothing of the others."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import ColumnElement, Connection, Row, select

from app.audit.checkpoints import announcements
from app.audit.hashing import hash_of
from app.audit.merkle import consistency_holds, consistency_proof, inclusion_proof
from app.audit.naming import about
from app.audit.notes import Checkpoint, Note, fingerprint, parse
from app.audit.tree import LogTree
from app.kernel.errors import NotFound, Refused
from app.kernel.messages import _l
from app.storage.audit_tables import AUDIT_CHECKPOINT, AUDIT_ENTRY, AUDIT_VALUE

MOST_ENTRIES = 10_000
# A zip of the same content has the same bytes, whenever it is made.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
VERIFIER = Path(__file__).with_name("verify_bundle.py")
EXPLANATION = Path(__file__).with_name("VERIFY.txt")
# The hashes of a bundle for its readers: the chain and the erasable values are of SHA-256 in any case.
NAMED = MappingProxyType({"sha256": "SHA-256", "sm3": "SM3 (GB/T 32905) + SHA-256"})
Disclosed = Callable[[Row[Any]], bool]


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was put together, ready to be written."""

    files: dict[str, bytes]
    count: int
    first: int
    last: int

    def write(self, target: IO[bytes]) -> None:
        """The zip."""
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.files.items():
                archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), content, zipfile.ZIP_DEFLATED)


def of_record_is(connection: Connection, entity: str, record_id: int) -> ColumnElement[bool]:
    """The entries about one record, under whatever its kind was called."""
    return about(connection, AUDIT_ENTRY, entity) & (AUDIT_ENTRY.c.record_id == record_id)


def of_account_is(name: str) -> ColumnElement[bool]:
    """The entries of one account's deeds."""
    return AUDIT_ENTRY.c.account_name == name


def between(first: int, last: int) -> ColumnElement[bool]:
    """The entries of a range."""
    return AUDIT_ENTRY.c.id.between(first, last)


def make_bundle(
    connection: Connection,
    wanted: ColumnElement[bool],
    disclosed: Disclosed = lambda row: True,
    held: Checkpoint | None = None,
) -> Bundle:
    """Put the wanted entries together, with their values where ``disclosed`` says so.

    ``held`` is a checkpoint that somebody has from before; a proof leads from it to the newest one.
    Raises NotFound without any, Refused when they are too many or not signed yet.
    """
    joined = AUDIT_ENTRY.outerjoin(AUDIT_VALUE, AUDIT_VALUE.c.id == AUDIT_ENTRY.c.id)
    columns = (*AUDIT_ENTRY.c, AUDIT_VALUE.c.salt, AUDIT_VALUE.c.told)
    statement = select(*columns).select_from(joined).where(wanted).order_by(AUDIT_ENTRY.c.id)
    rows = connection.execute(statement.limit(MOST_ENTRIES + 1)).all()
    if not rows:
        raise NotFound
    if len(rows) > MOST_ENTRIES:
        raise Refused(_l("A bundle holds %(count)s entries at most.", count=MOST_ENTRIES))
    public, notes = _signed(connection)
    made = _bundle(connection, rows, disclosed, public, notes)
    return made if held is None else _with_proof(connection, made, held, notes[-1].checkpoint)


# Private


def _signed(connection: Connection) -> tuple[bytes, list[Note]]:
    """The key in force, and the checkpoints that it signed, the smallest first."""
    keys = announcements(connection)
    kept = connection.scalars(select(AUDIT_CHECKPOINT.c.note).order_by(AUDIT_CHECKPOINT.c.size))
    notes = [note for note in map(parse, kept) if keys and note.signed_by(keys[-1].public)]
    if not notes:
        raise Refused(_l("The audit trail was not signed yet; make a checkpoint first."))
    return keys[-1].public, notes


def _bundle(
    connection: Connection, rows: Sequence[Row[Any]], disclosed: Disclosed, public: bytes, notes: Sequence[Note]
) -> Bundle:  # fmt: skip
    first, last, newest = rows[0].id, rows[-1].id, notes[-1].checkpoint
    covering = next((note for note in notes if note.checkpoint.size >= last), None)
    if covering is None:
        raise Refused(_l("Entry %(seq)s is not signed yet; make a checkpoint first.", seq=last))
    hashing = hash_of(newest.origin)
    tree = LogTree(connection, newest.size, hashing)
    covers = covering.checkpoint
    proof = consistency_proof(covers.size, newest.size, tree.subtree)
    if not consistency_holds(covers.size, newest.size, covers.root, newest.root, proof, hashing):
        raise Refused(_l("The audit trail does not fit its checkpoints; run: portal audit verify"))
    files: dict[str, bytes] = {}
    entries = []
    for row in rows:
        path = inclusion_proof(row.id - 1, covers.size, tree.subtree)
        enclosed = row.told is not None and disclosed(row)
        entries.append({"seq": row.id, "proof": [one.hex() for one in path], "values": enclosed})
        files[f"entries/{row.id:012d}.txt"] = bytes(row.body)
        if enclosed:
            files[f"values/{row.id:012d}.txt"] = row.told.encode()
            files[f"values/{row.id:012d}.salt"] = bytes(row.salt)
    told = {
        "format": "storewarden-bundle/1",
        "covers": covers.size,
        "newest": newest.size,
        "consistency": [one.hex() for one in proof],
        "entries": entries,
    }
    said = EXPLANATION.read_text("utf-8").format(
        origin=newest.origin, count=len(rows), first=first, last=last, covers=covers.size, newest=newest.size,
        fingerprint=fingerprint(public),
        algorithm=hashing.name, named=NAMED[hashing.name],
    )  # fmt: skip
    front = {
        "VERIFY.txt": said.encode(),
        "verify.py": VERIFIER.read_bytes(),
        "bundle.json": json.dumps(told, indent=1).encode(),
        "key.pem": _pem(public),
    }
    for note in (covering, notes[-1]):
        name = f"checkpoint-{note.checkpoint.size}"
        front[f"{name}.txt"] = note.text.encode()
        front[f"{name}.text"] = note.checkpoint.text.encode()
        front[f"{name}.sig"] = note.signature
    return Bundle(front | files, len(rows), first, last)


def _with_proof(
    connection: Connection, made: Bundle, held: Checkpoint, newest: Checkpoint
) -> Bundle:
    """The bundle with the way from a checkpoint of before; raises Refused when there is none."""
    proof, hashing = list[bytes](), hash_of(newest.origin)
    if held.size <= newest.size:
        tree = LogTree(connection, newest.size, hashing)
        proof = consistency_proof(held.size, newest.size, tree.subtree)
    holds = consistency_holds(held.size, newest.size, held.root, newest.root, proof, hashing)
    if held.origin != newest.origin or not holds:
        raise Refused(_l("The audit trail does not contain what the given checkpoint signed."))
    told = json.loads(made.files["bundle.json"])
    told["held"] = {"size": held.size, "consistency": [one.hex() for one in proof]}
    return replace(made, files=made.files | {"bundle.json": json.dumps(told, indent=1).encode()})


def _pem(public: bytes) -> bytes:
    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
