"""Audit reports: the figures of a period as canonical JSON and on paper, signed with the key of the checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, text

from app.audit import verify_bundle
from app.audit.canonical import canonical, moment_text, spelled
from app.audit.checking import Verification
from app.audit.checkpoints import SLOWEST_MS, make_checkpoint
from app.audit.figures import Period, checkpoints_in, figures_of
from app.audit.keys import load_key, public_bytes, public_pem
from app.audit.notes import Checkpoint, Note, fingerprint
from app.kernel.errors import Refused
from app.kernel.messages import _l

FORMAT = "storewarden-audit-report/1"
EXPLANATION = Path(__file__).with_name("VERIFY_REPORT.txt")
MOST_TOLD = 20
# Draws a report, given with its digest, as a PDF.
Draw = Callable[[Mapping[str, Any], str], bytes]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """A signed report: what it says, its digest, and the files of which a stranger needs nothing else."""

    said: Mapping[str, Any]
    digest: str
    files: Mapping[str, bytes]

    @property
    def count(self) -> int:
        """How many entries it counts."""
        return int(self.said["entries"]["count"])

    @property
    def faults(self) -> int:
        """How much did not fit when the trail was verified."""
        return int(self.said["verification"]["faults"])


def make_report(
    engine: Engine, home: Path, period: Period, now: datetime, by: str, draw: Draw
) -> AuditReport:
    """Sign the trail, verify all of it with its archives, and count the entries of a period.

    Raises Refused for a period that is not over or turned round, and when the trail cannot be signed;
    Unavailable where the key is not.
    """
    if period.until < period.since or period.until > now.astimezone(period.zone).date():
        raise Refused(
            _l("A report is of days that have been: the first, then the last, up to today.")
        )
    note = make_checkpoint(engine, home, now, by)
    key = load_key(home)
    if note is None or not note.signed_by(public_bytes(key)):
        raise Refused(_l("The audit trail was not signed yet; make a checkpoint first."))
    verification = _verified(engine, home)
    with engine.begin() as connection:
        connection.execute(text(f"SET LOCAL statement_timeout = {SLOWEST_MS}"))
        figures = figures_of(connection, home, period, note.checkpoint.size)
        signed = checkpoints_in(connection, period)
    said = {
        "format": FORMAT,
        "origin": note.checkpoint.origin,
        "algorithm": note.checkpoint.algorithm,
        "period": {
            "from": period.since.isoformat(), "until": period.until.isoformat(), "zone": period.zone.key,
            "begin": moment_text(period.begin), "end": moment_text(period.end),
        },
        "made": {"at": moment_text(now), "by": by},
        "key": fingerprint(public_bytes(key)),
        "checkpoint": _plain(note.checkpoint),
        "checkpoints": [_plain(one) for one in signed],
        "verification": verification,
        **figures.plain(),
    }  # fmt: skip
    return _signed(said, note, key, draw)


def check_report(place: Path, key: str) -> list[str]:
    """What the stranger's program says of a report in a folder or a zip; raises its Wrong, or OSError."""
    return verify_bundle.check(verify_bundle.Files(str(place)), key, None)


def said_by(content: bytes) -> Mapping[str, Any]:
    """What a report says; raises ValueError for a text that is no report, or not by its one spelling."""
    told: dict[str, Any] = json.loads(content)
    if told.get("format") != FORMAT or spelled(told).encode() != content:
        raise ValueError("not an audit report")
    return told


# Private


def _verified(engine: Engine, home: Path) -> dict[str, Any]:
    told: list[str] = []
    notes = 0
    with engine.connect() as connection:
        run = Verification(connection, home, archives=True)
        for found in run.findings():
            notes += found.note
            if not found.note and len(told) < MOST_TOLD:
                told.append(str(found.says))
    return {"first": min(run.first, run.size), "last": run.size, "checkpoints": run.checkpoints,
            "faults": run.faults, "notes": notes, "told": told}  # fmt: skip


def _plain(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "at": moment_text(checkpoint.at),
    }


def _signed(said: Mapping[str, Any], note: Note, key: Ed25519PrivateKey, draw: Draw) -> AuditReport:
    content, size = canonical(said).encode(), note.checkpoint.size
    digest, period = sha256(content).hexdigest(), said["period"]
    paper = draw(said_by(content), digest)
    explained = EXPLANATION.read_text("utf-8").format(
        origin=note.checkpoint.origin, fingerprint=said["key"], digest=digest, newest=size,
        since=period["from"], until=period["until"],
    )  # fmt: skip
    files = {
        "report.json": content,
        "report.json.sig": key.sign(content),
        "report.pdf": paper,
        "report.pdf.sig": key.sign(paper),
        "key.pem": public_pem(key).encode(),
        f"checkpoint-{size}.txt": note.text.encode(),
        f"checkpoint-{size}.text": note.checkpoint.text.encode(),
        f"checkpoint-{size}.sig": note.signature,
        "VERIFY.txt": explained.encode(),
        "verify.py": Path(verify_bundle.__file__).read_bytes(),
    }
    return AuditReport(said, digest, files)
