"""The translation catalogs, compiled into the home folder once for each version of them."""

from __future__ import annotations

import gettext
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from app.kernel.messages import Label, Message
from app.settings import ROOT

SOURCES = ROOT / "translations"


def compiled_catalogs(home: Path) -> Path:
    """The folder with the compiled catalogs of the product's own texts."""
    sources = sorted(SOURCES.glob("*/LC_MESSAGES/messages.po"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    folder = home / "translations" / digest
    for source in sources:
        target = (folder / source.relative_to(SOURCES)).with_suffix(".mo")
        if not target.exists():
            _compile(source, target)
    return folder


def catalog_of(home: Path, language: str) -> gettext.NullTranslations:
    """The product's own texts in a language."""
    return gettext.translation("messages", compiled_catalogs(home), [language], fallback=True)


def words_of(home: Path, language: str) -> Callable[[Message | Label], str]:
    """Says messages and labels in a language, where no request is."""
    catalog = catalog_of(home, language)

    def words(said: Message | Label) -> str:
        if isinstance(said, Label):
            return said.text(language)
        values = {name: words(value) if isinstance(value, Message | Label) else value
                  for name, value in said.values.items()}  # fmt: skip
        return catalog.gettext(said.text) % values

    return words


# Private


def _compile(source: Path, target: Path) -> None:
    """Write the whole file or nothing: several processes may start at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as stream:
        catalog = read_po(stream)
    number, temporary = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(number, "wb") as stream:
        write_mo(stream, catalog)
    Path(temporary).replace(target)
