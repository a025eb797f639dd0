"""Makes ``.venv`` from a lock file, and knows a half-made or outdated one."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .speech import note, stop

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv"
PYTHON = FOLDER / "bin" / "python"
# Written last: an environment without it was never finished.
MARKER = FOLDER / "storewarden.json"
RUN_TIME = "requirements.lock"
DEVELOPMENT = "requirements-dev.lock"
NODE = "requirements-node.lock"
NEEDED_BYTES = 1_500_000_000
# What Python, pip and npm say when a disk or a quota is full.
FULL = ("No space left on device", "ENOSPC", "no space left", "Disk quota exceeded", "EDQUOT")

LAUNCHER = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/python" -c "import sys; sys.argv[0] = '{name}'
from {module} import {function}
sys.exit({function}())" "$@"
"""


def ensure_environment(*locks: str) -> Path:
    """The Python of an environment that holds everything in ``locks``."""
    if _missing(locks):
        with only_one(), stopping_when_full():
            missing = _missing(locks)
            if missing:
                _make(missing)
    return PYTHON


@contextmanager
def stopping_when_full() -> Iterator[None]:
    """What we write ourselves may find no room either."""
    try:
        yield
    except OSError as fault:
        if fault.errno in (errno.ENOSPC, errno.EDQUOT):
            stop_for_full_disk(FULL[0])
        raise


@contextmanager
def only_one() -> Iterator[None]:
    """Two first starts at once: the second waits and finds the work done."""
    try:
        with (ROOT / ".setup.lock").open("w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except PermissionError:
        stop(
            f"没有权限写入 {ROOT}，请换一个账号或目录。",
            f"{ROOT} cannot be written to; use another account or folder.",
        )


def digest(*names: str) -> str:
    """One digest for the content of several files of the project."""
    state = hashlib.sha256()
    for name in names:
        state.update((ROOT / name).read_bytes())
    return state.hexdigest()


def run(words: list[str], *, environment: dict[str, str] | None = None) -> str:
    """Run a command without a word to the terminal; its complaint, empty when it went well."""
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    return "" if done.returncode == 0 else done.stderr or done.stdout or words[0]


# Private functions


def _missing(locks: tuple[str, ...]) -> list[str]:
    """The lock files whose packages are not in the environment as they are written now."""
    installed = _marked()["locks"]
    return [lock for lock in locks if installed.get(lock) != digest(lock)]


def _marked() -> dict[str, dict[str, str]]:
    """What the marker says; nothing when the environment is of another Python or folder."""
    try:
        marked: dict[str, dict[str, str]] = json.loads(MARKER.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {"place": {}, "locks": {}}
    usable = marked.get("place") == _place() and os.access(PYTHON, os.X_OK)
    return marked if usable else {"place": {}, "locks": {}}


def _place() -> dict[str, str]:
    return {"root": str(ROOT), "python": ".".join(str(part) for part in sys.version_info[:2])}


def _make(locks: list[str]) -> None:
    installed = _marked()["locks"]
    _require_space()
    if not installed:
        note("正在建立 Python 环境…", "Making the Python environment …")
        _create()
    MARKER.unlink(missing_ok=True)
    for lock in locks:
        note(f"正在安装 {lock} 里的软件包…", f"Installing the packages of {lock} …")
        _install(lock)
        installed[lock] = digest(lock)
    if DEVELOPMENT in locks:
        installed[RUN_TIME] = digest(RUN_TIME)
    _link_project()
    marked = {"place": _place(), "locks": installed}
    draft = MARKER.with_suffix(".new")
    draft.write_text(json.dumps(marked), encoding="ascii")
    draft.replace(MARKER)


def _require_space() -> None:
    free = shutil.disk_usage(ROOT).free
    if free < NEEDED_BYTES:
        stop(
            f"磁盘空间不足：{ROOT} 只剩 {free // 1_000_000} MB，需要约 1500 MB。",
            f"The disk is too full: {free // 1_000_000} MB left for {ROOT}, about 1500 are needed.",
        )


def _create() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        name = f"python3.{sys.version_info.minor}-venv"
        stop(
            f"缺少 Python 的 venv 组件，请先安装：apt-get install {name}",
            f"Python's venv part is missing; install it first: apt-get install {name}",
        )
    shutil.rmtree(FOLDER, ignore_errors=True)
    complaint = run([sys.executable, "-m", "venv", str(FOLDER)])
    if complaint:
        _stop_for(complaint)


def _install(lock: str) -> None:
    words = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-input", "--no-deps"]
    words += ["--disable-pip-version-check", "--require-hashes", "--only-binary=:all:"]
    complaint = run([*words, "--requirement", lock])
    if complaint:
        _stop_for(complaint)


def stop_for_full_disk(complaint: str) -> None:
    """End with one sentence when a program's complaint, or a fault, is that there is no room left."""
    if any(sign in complaint for sign in FULL):
        stop(
            f"磁盘已满，安装未完成：请为 {ROOT} 腾出约 1500 MB，然后重新运行。",
            f"The disk is full, so the installation is not finished: free about 1500 MB for {ROOT}, then run it again.",
        )


def _stop_for(complaint: str) -> None:
    stop_for_full_disk(complaint)
    last = "\n".join(complaint.strip().splitlines()[-5:])
    stop(
        "软件包安装失败；请检查网络后重试，下次会自动从头再来。",
        f"Installing failed; check the network and try again, it will start afresh.\n{last}",
    )


def _link_project() -> None:
    """Put the project on the environment's path, and its commands into ``bin``."""
    library = FOLDER / "lib" / f"python{_place()['python']}" / "site-packages"
    (library / "storewarden.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, target in project["scripts"].items():
        module, _, function = target.partition(":")
        launcher = FOLDER / "bin" / name
        launcher.write_text(
            LAUNCHER.format(name=name, module=module, function=function), encoding="ascii"
        )
        launcher.chmod(0o755)
