"""Puts records away whose time is over: encrypted files in the home, found by number, restored one by one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import bindparam, func, insert, literal_column, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.orm import Session

from app.access.actor import Actor, system_actor
from app.audit.actions import AuditAction
from app.audit.chain import append
from app.audit.durable import write_durable
from app.audit.entries import Entry
from app.features.privacy.plans import Plan
from app.kernel.errors import Conflict, Gone, NotFound, Refused
from app.kernel.messages import _l
from app.language.definitions import Entity, Rights
from app.language.subjects import personal_fields
from app.records.before import rows_before
from app.records.columns import read_whole
from app.records.erasing import GONE
from app.records.gateway import records_for
from app.records.runtime import Runtime
from app.records.titles import title_of
from app.settings import Settings
from app.storage.privacy_tables import PUT_AWAY
from app.storage.tables import FILE

FOLDER, INDEX = "archive", "index.jsonl"
NONCE, KEY_BYTES = 12, 32
MOST_FOUND = 50
MOST_DIGITS = 18
FORGED = _l("The file of this record is not what was put away.")
CHANGED = _l("The record was changed since it was put away.")


def folder_of(home: Path) -> Path:
    """Where the files lie; nobody else reads it."""
    place = home / FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    return place


def content_of(session: Session, runtime: Runtime, plan: Plan) -> dict[str, Any]:
    """The rows of a person's record and of what stands below it, just as the database holds them."""
    rows: dict[str, dict[str, Any]] = {}
    for part in plan.parts:
        for number in part.ids if part.erased else ():
            kept = session.scalar(select(rows_before(runtime, part.entity, number)))
            rows.setdefault(part.entity.name, {})[str(number)] = kept
    return {"rows": rows, "files": _files(session, rows)}


def only(content: Mapping[str, Any], versions: Mapping[tuple[str, int], int]) -> dict[str, Any]:
    """The rows of the records that lost something, with the versions that they reached by it."""
    rows: dict[str, dict[str, Any]] = {}
    for name, number in versions:
        rows.setdefault(name, {})[str(number)] = content["rows"][name][str(number)]
    reached = {f"{name}:{number}": version for (name, number), version in versions.items()}
    return {"rows": rows, "files": content["files"], "versions": reached}


def keep(
    settings: Settings, entity: Entity, record_id: int, content: Mapping[str, Any]
) -> tuple[str, str]:
    """Write an encrypted file; its name and the SHA-256 of what is in the file."""
    plain = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    nonce = os.urandom(NONCE)
    sealed = nonce + _cipher(settings).encrypt(nonce, plain, _about(entity.name, record_id))
    digest = hashlib.sha256(sealed).hexdigest()
    name = f"{entity.name}-{record_id}-{digest[:16]}.sealed"
    write_durable(folder_of(settings.home) / name, sealed)
    return name, digest


def read(settings: Settings, entity: str, record_id: int, name: str, digest: str) -> dict[str, Any]:
    """What a file holds; raises Gone when it is lost, Refused when it is not what was written."""
    try:
        sealed = (settings.home / FOLDER / name).read_bytes()
    except FileNotFoundError as lost:
        raise Gone(_l("The file of this record is no longer in the archive.")) from lost
    if hashlib.sha256(sealed).hexdigest() != digest:
        raise Refused(FORGED)
    try:
        about = _about(entity, record_id)
        plain = _cipher(settings).decrypt(sealed[:NONCE], sealed[NONCE:], about)
    except InvalidTag as forged:
        raise Refused(FORGED) from forged
    found: dict[str, Any] = json.loads(plain)
    return found


def enter(session: Session, runtime: Runtime, settings: Settings, row: Mapping[str, Any]) -> None:
    """Write down where a record went: in the database, and beside the files by number, without a name."""
    session.execute(insert(PUT_AWAY).values(**row))
    if row.get("name"):
        told = {
            key: row[key]
            for key in ("entity", "record_id", "title", "name", "sha256", "request_id")
        }
        line = json.dumps({**told, "at": runtime.clock.now().isoformat()}, ensure_ascii=False)
        with (folder_of(settings.home) / INDEX).open("a", encoding="utf-8") as index:
            index.write(line + "\n")


def search(session: Session, entities: Sequence[str], words: str) -> Sequence[Any]:
    """What was put away and not fetched back, by number or a part of what it is called, newest first."""
    mine = PUT_AWAY.c.entity.in_(entities) & PUT_AWAY.c.name.is_not(None)
    wanted = select(PUT_AWAY).where(mine, PUT_AWAY.c.restored_at.is_(None))
    if words:
        escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        number = int(words) if words.isdecimal() and len(words) < MOST_DIGITS else 0
        called = PUT_AWAY.c.title.ilike(f"%{escaped}%")
        wanted = wanted.where(called | (PUT_AWAY.c.record_id == number))
    return session.execute(wanted.order_by(PUT_AWAY.c.id.desc()).limit(MOST_FOUND)).all()


def one(session: Session, number: int, entities: Sequence[str]) -> Any:
    """Something that was put away and not fetched back; raises NotFound."""
    mine = (PUT_AWAY.c.id == number) & PUT_AWAY.c.entity.in_(entities)
    found = session.execute(select(PUT_AWAY).where(mine, PUT_AWAY.c.restored_at.is_(None))).first()
    if found is None:
        raise NotFound
    return found


def fetch_back(
    session: Session, runtime: Runtime, settings: Settings, actor: Actor, number: int, why: str
) -> tuple[str, int]:
    """Put the rows of an archived record back as they were; the record.

    Raises Gone, Refused when the file is not what was written or a record was changed since.
    """
    mine = (PUT_AWAY.c.id == number) & PUT_AWAY.c.restored_at.is_(None)
    row = session.execute(select(PUT_AWAY).where(mine).with_for_update()).first()
    if row is None or row.name is None:
        raise Gone(_l("The file of this record is no longer in the archive."))
    content = read(settings, row.entity, row.record_id, row.name, row.sha256)
    rights = {name: frozenset({Rights.READ, Rights.EDIT}) for name in content["rows"]}
    door = records_for(runtime, session, system_actor(runtime.schema, rights, "archive"))
    for name, records in content["rows"].items():
        for record_id, rows in records.items():
            now = read_whole(session, runtime, runtime.entity(name), int(record_id))
            if now is None or now["version"] != content["versions"][f"{name}:{record_id}"]:
                raise Refused(CHANGED)
            try:
                door.restore(name, int(record_id), rows, now["version"])
            except Conflict as changed:
                raise Refused(CHANGED) from changed
    _restore_files(session, content["files"])
    done = update(PUT_AWAY).where(PUT_AWAY.c.id == number)
    session.execute(done.values(restored_at=runtime.clock.now()))
    note(session, runtime, actor, AuditAction.RECORD_FETCHED_BACK, (row.entity, row.record_id), why)
    return row.entity, row.record_id


def note(
    session: Session, runtime: Runtime, actor: Actor, action: AuditAction,
    record: tuple[str, int], why: str,
) -> None:  # fmt: skip
    """Append what was done with the archive."""
    entry = Entry(
        at=runtime.clock.now(), account_id=actor.account_id, account_name=actor.username,
        action=action, revision=runtime.revision, entity=record[0], record_id=record[1],
        changes={"reason": [None, why]},
    )  # fmt: skip
    append(session, entry)


def bare_title(session: Session, runtime: Runtime, entity: Entity, record_id: int) -> str:
    """What a record is called without what tells who it is, such as by its number alone."""
    values = read_whole(session, runtime, entity, record_id) or {}
    personal = {field.name: GONE for field in personal_fields(entity)}
    return title_of(entity, {**values, **personal, "id": record_id}, "zh")


# Private


def _cipher(settings: Settings) -> AESGCM:
    derived = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"storewarden archive/1")
    return AESGCM(derived.derive(settings.secret_key.encode()))


def _about(entity: str, record_id: int) -> bytes:
    return f"{entity}:{record_id}".encode()


def _files(session: Session, rows: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    found: list[Any] = []
    for name, records in rows.items():
        numbers = [int(number) for number in records]
        mine = (FILE.c.entity == name) & FILE.c.record_id.in_(numbers)
        found += session.scalars(select(func.to_jsonb(FILE.table_valued())).where(mine))
    return found


def _restore_files(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    names = [column.name for column in FILE.c]
    for row in rows:
        kind: Any = literal_column('NULL::"portal_file"')
        given = bindparam(None, dict(row), JSONB, unique=True)
        kept = func.jsonb_populate_record(kind, given).table_valued(*names).alias("kept")
        columns = select(*(kept.c[name] for name in names))
        session.execute(insert_or(FILE).from_select(names, columns).on_conflict_do_nothing())
