"""Gathers the front-end files that are served, in a folder named after their content.

``publish`` copies from ``node_modules`` to ``.assets/<version>/`` and points ``.assets/current``
at it, so a browser may keep a file for ever: its address changes with its content. Beside each
file lies its gzip form, which WhiteNoise serves.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import quoteattr

from app.kernel.errors import SettingsError
from app.kernel.messages import _l
from app.settings import ROOT, Settings

PACKAGES = ROOT / "node_modules"
TARGET = ROOT / ".assets"
SERVED = (
    "@tabler/core/dist/css/tabler.min.css",
    "echarts/dist/echarts.common.min.js",
    "htmx.org/dist/htmx.min.js",
    "tom-select/dist/css/tom-select.min.css",
    "tom-select/dist/js/tom-select.complete.min.js",
)
ICONS = "@tabler/icons/tabler-nodes-outline.json"
SPRITE = "icons.svg"
CURRENT = "current"
KEPT_SECONDS = 7 * 24 * 3600
LANGUAGES_OF_ICONS = ("*.html", "*.py", "*.js", "*.yaml", "*.yml")
QUOTED = re.compile(r"""["'#]([a-z][a-z0-9-]*)(?=["'\s])""")
DECLARED = re.compile(r"""\bicon:\s*["']?([a-z][a-z0-9-]*)""")
SOURCE_MAP = re.compile(rb"(//#|/\*#) sourceMappingURL=[^\s*]+( \*/)?\s*$")

# What administrators may choose from in the browser, whether or not the schema names it yet.
CHOICE = Path(__file__).with_name("icons.txt")


def publish(packages: Path, target: Path, sources: Iterable[Path]) -> Path:
    """The folder with the files to serve, made if this version of it does not exist yet.

    ``packages`` is ``node_modules``, ``target`` the folder of all versions; ``sources`` are the
    folders whose files name icons. Raises SettingsError when a file is missing.
    """
    contents = {Path(name).name: _served(packages / name) for name in SERVED}
    contents[SPRITE] = _sprite(packages, [*_chosen(), *_words(sources)])
    version = _digest(contents)
    folder = target / version
    if not folder.exists():
        _write(folder, contents)
    _point(target / CURRENT, version)
    _forget(target, version)
    return folder


def gather(settings: Settings) -> Settings:
    """The settings with the newest front-end files; those of another folder are left alone."""
    if settings.assets.parent != TARGET or not PACKAGES.is_dir():
        if not (settings.assets / SPRITE).exists():
            raise SettingsError(
                _l("The front-end files are missing in %(place)s.", place=str(settings.assets))
            )
        return settings
    folder = publish(PACKAGES, TARGET, [ROOT / "app", settings.schema])
    return replace(settings, assets=folder)


# Private functions


def _served(place: Path) -> bytes:
    """A file without the mark that would make browsers ask for its source map."""
    try:
        return SOURCE_MAP.sub(b"", place.read_bytes())
    except OSError as fault:
        raise SettingsError(
            _l("The front-end file %(place)s is missing.", place=str(place))
        ) from fault


def _chosen() -> list[str]:
    return CHOICE.read_text(encoding="ascii").split()


def _words(sources: Iterable[Path]) -> Iterator[str]:
    """Every word that could be the name of an icon."""
    for source in sources:
        for pattern in LANGUAGES_OF_ICONS:
            for place in sorted(source.rglob(pattern)):
                text = place.read_text(encoding="utf-8", errors="replace")
                is_yaml = place.suffix in {".yaml", ".yml"}
                yield from (DECLARED if is_yaml else QUOTED).findall(text)


def _sprite(packages: Path, wanted: Iterable[str]) -> bytes:
    """One SVG with a symbol for each wanted icon; its id is the icon's name."""
    drawn: Mapping[str, list[tuple[str, dict[str, str]]]] = json.loads(_served(packages / ICONS))
    symbols = [
        f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor"'
        f' stroke-linecap="round" stroke-linejoin="round">{_shapes(drawn[name])}</symbol>'
        for name in sorted(set(wanted) & drawn.keys())
    ]
    body = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n'.encode()


def _shapes(shapes: Iterable[tuple[str, dict[str, str]]]) -> str:
    return "".join(
        f"<{tag} {' '.join(f'{name}={quoteattr(value)}' for name, value in given.items())}/>"
        for tag, given in shapes
    )


def _digest(contents: Mapping[str, bytes]) -> str:
    state = hashlib.sha256()
    for name, content in sorted(contents.items()):
        state.update(f"{name} {len(content)}\n".encode() + content)
    return state.hexdigest()[:16]


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """All files or none: a half-written folder never gets the name."""
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, content in contents.items():
        (draft / name).write_bytes(content)
        (draft / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    draft.replace(folder)


def _forget(target: Path, current: str) -> None:
    """Remove versions that no page opened lately can still ask for."""
    for folder in target.iterdir():
        aged = folder.lstat().st_mtime < time.time() - KEPT_SECONDS
        if aged and folder.is_dir() and not folder.is_symlink() and folder.name != current:
            shutil.rmtree(folder)


def _point(link: Path, version: str) -> None:
    if link.is_symlink() and link.readlink() == Path(version):
        return
    draft = link.with_name("current.new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(version)
    draft.replace(link)


if __name__ == "__main__":
    publish(PACKAGES, TARGET, [ROOT / "app", ROOT / "schema"])
