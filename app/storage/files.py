"""Contents of files by their SHA-256, on disk or wherever fsspec reaches."""

from __future__ import annotations

import hashlib
import re
import shutil
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

import fsspec

CHUNK = 2**20
_DIGEST = re.compile("[0-9a-f]{64}")


class FileStore:
    """Keeps each content once. ``address`` is a folder or an fsspec URL such as ``s3://bucket/files``."""

    def __init__(self, address: str) -> None:
        self._system, self._root = fsspec.core.url_to_fs(address, auto_mkdir=True)

    def keep(self, content: bytes) -> str:
        """Store a content whole or not at all; returns its digest."""
        digest = hashlib.sha256(content).hexdigest()
        if not self._system.exists(self._path(digest)):
            temporary = self._temporary()
            with self._system.open(temporary, "wb") as stream:
                stream.write(content)
            self._system.mv(temporary, self._path(digest))
        return digest

    def keep_file(self, path: Path) -> tuple[str, int]:
        """Store a local file, read in parts; returns its digest and size."""
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            if not self._system.exists(self._path(digest)):
                temporary = self._temporary()
                with self._system.open(temporary, "wb") as target:
                    shutil.copyfileobj(stream, target, CHUNK)
                self._system.mv(temporary, self._path(digest))
        return digest, path.stat().st_size

    def open(self, digest: str) -> IO[bytes]:
        """The content of that digest; raises FileNotFoundError."""
        return cast("IO[bytes]", self._system.open(self._path(digest), "rb"))

    def kept(self) -> Iterator[tuple[str, datetime]]:
        """The digest of every content here, and when it was stored."""
        for path in self._system.find(self._root):
            name = str(path).rpartition("/")[2]
            if _DIGEST.fullmatch(name):
                yield name, self._system.modified(path)

    def remove(self, digest: str) -> None:
        """Forget a content; one that is not here is no fault."""
        if self._system.exists(self._path(digest)):
            self._system.rm_file(self._path(digest))

    # Private

    def _path(self, digest: str) -> str:
        folder = f"{self._root}/{digest[:2]}"
        self._system.makedirs(folder, exist_ok=True)
        return f"{folder}/{digest}"

    def _temporary(self) -> str:
        folder: Any = f"{self._root}/new"
        self._system.makedirs(folder, exist_ok=True)
        return f"{folder}/{uuid.uuid4().hex}"
