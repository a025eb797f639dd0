"""Files of records: taken in, kept by their digest outside of the web root, served by record."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update
from werkzeug.datastructures import FileStorage, MultiDict

from app.kernel.errors import Invalid, NotFound
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field
from app.records.preparing import FILE_TYPES
from app.records.reading import LARGEST_ID
from app.storage.tables import FILE
from app.web.addresses import whole
from app.web.state import Scope

MAGIC: dict[str, tuple[bytes, ...]] = {
    "pdf": (b"%PDF-",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",),
    "webp": (b"RIFF",),
    "docx": (b"PK\x03\x04",),
    "xlsx": (b"PK\x03\x04",),
    "pptx": (b"PK\x03\x04",),
    "zip": (b"PK\x03\x04",),
    "mp3": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"),
    "mp4": (b"",),
    "m4a": (b"",),
    "txt": (b"",),
    "csv": (b"",),
}
TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
}
INLINE = ("png", "jpg", "jpeg", "webp")


def take_files(scope: Scope, entity: Entity, names: Iterable[str], form: MultiDict[str, str],
               files: MultiDict[str, FileStorage], before: dict[str, Any]) -> dict[str, Any]:  # fmt: skip
    """The new values of the file fields among ``names``; raises Invalid for files that are not allowed."""
    values: dict[str, Any] = {}
    for name in names:
        field = entity.fields[name]
        if field.type not in FILE_TYPES:
            continue
        removed = {whole(text) for text in form.getlist(f"{name}.remove")}
        old = before.get(name) or []
        kept = [
            number for number in (old if isinstance(old, list) else [old]) if number not in removed
        ]
        new = [
            _keep(scope, entity, field, content, title)
            for content, title in _sent(field, form, files)
        ]
        if new or removed:
            both = [*kept, *new]
            values[name] = (both or None) if field.type == "files" else (new or kept or [None])[-1]
    return values


def claim_files(scope: Scope, entity: Entity, record_id: int, values: dict[str, Any]) -> None:
    """Tie freshly kept files to the record that was saved with them."""
    numbers = [n for name, value in values.items() if entity.fields[name].type in FILE_TYPES and value
               for n in (value if isinstance(value, list) else [value])]  # fmt: skip
    if numbers:
        statement = update(FILE).where(FILE.c.id.in_(numbers), FILE.c.record_id.is_(None))
        scope.session.execute(statement.values(record_id=record_id))


def open_file(scope: Scope, number: int) -> tuple[Path, str, str, bool]:
    """Path, name, media type and whether it may be shown in the page; raises NotFound when out of sight."""
    if number > LARGEST_ID:
        raise NotFound
    row = scope.session.execute(select(FILE).where(FILE.c.id == number)).first()
    if row is None or row.record_id is None or row.entity not in scope.schema.entities:
        raise NotFound
    record = scope.records.get(row.entity, row.record_id, (row.field,))
    value = record.values.get(row.field)
    held = value if isinstance(value, list) else [value]
    if row.field in record.masked or number not in held:
        raise NotFound
    return (
        _path(scope, row.sha256),
        row.name,
        TYPES.get(row.kind, "application/octet-stream"),
        row.kind in INLINE,
    )


def file_names(scope: Scope, numbers: Sequence[int]) -> dict[int, str]:
    """The names of files that the reader has already been shown."""
    rows = scope.session.execute(select(FILE.c.id, FILE.c.name).where(FILE.c.id.in_(numbers)))
    return {row.id: row.name for row in rows}


# Private


def _sent(
    field: Field, form: MultiDict[str, str], files: MultiDict[str, FileStorage]
) -> Iterable[tuple[bytes, str]]:
    if field.type == "signature":
        text = form.get(field.name, "")
        if text.startswith("data:image/png;base64,"):
            try:
                yield base64.b64decode(text.partition(",")[2], validate=True), "signature.png"
            except binascii.Error as error:
                raise _wrong(
                    field, _l("The signature could not be read. Please sign again.")
                ) from error
        return
    for sent in files.getlist(field.name):
        if sent.filename:
            limit = int(field.options["max_mb"]) * 2**20
            content = sent.stream.read(limit + 1)
            if len(content) > limit:
                raise _wrong(field, _l("At most %(max)s MB.", max=field.options["max_mb"]))
            yield content, sent.filename


def _keep(scope: Scope, entity: Entity, field: Field, content: bytes, title: str) -> int:
    name = (
        re.sub(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069/\\:*?\"<>|]", "_", title).strip(". ")[
            -120:
        ]
        or "file"
    )
    kind = name.rpartition(".")[2].lower()
    allowed = field.options.get("kinds") or ("png",)
    if kind not in allowed or kind not in MAGIC or not content.startswith(MAGIC[kind]):
        raise _wrong(field, _l("Only these kinds of file: %(kinds)s.", kinds=", ".join(allowed)))
    digest = hashlib.sha256(content).hexdigest()
    _write(_path(scope, digest), content)
    values = {
        "sha256": digest, "name": name, "kind": kind, "size": len(content), "entity": entity.name,
        "field": field.name, "created_by": scope.actor.account_id,
    }  # fmt: skip
    return int(scope.session.execute(insert(FILE).values(values).returning(FILE.c.id)).scalar_one())


def _path(scope: Scope, digest: str) -> Path:
    return scope.state.settings.home / "files" / digest[:2] / digest


def _write(path: Path, content: bytes) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    number, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(number, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    Path(temporary).replace(path)


def _wrong(field: Field, message: Message) -> Invalid:
    return Invalid({field.name: (message,)})
